using System.Net.Sockets;
using Collector.Linux.Interop;

namespace Collector.Worker.Http;

/// <summary>
/// A Unix socket that listens for as long as any server wants it: one that takes another's place goes on with it, and
/// whoever connects meanwhile waits in its queue.
/// </summary>
internal sealed class SharedSocket
{
    private readonly Lock _lock = new();
    private readonly Socket _socket;
    private readonly FileIdentity? _file;
    private int _users = 1;

    /// <exception cref="HttpListenException">It cannot be had.</exception>
    public SharedSocket(string path)
    {
        Path = path;
        _socket = LocalSocket.Open(path);
        _file = FileIdentity.Of(path);
    }

    public string Path { get; }

    /// <summary>False where its file was taken away, or is another's by now: nobody finds it any more.</summary>
    public bool IsThere => FileIdentity.Of(Path) == _file;

    /// <summary>Another user, who releases it as well.</summary>
    public SharedSocket Share()
    {
        lock (_lock)
            _users++;
        return this;
    }

    /// <summary>Closed, and its file gone, with the last user.</summary>
    public void Release()
    {
        lock (_lock)
        {
            if (--_users > 0)
                return;
        }
        _socket.Dispose();
    }

    public ValueTask<Socket> AcceptAsync(CancellationToken stop) => _socket.AcceptAsync(stop);
}
