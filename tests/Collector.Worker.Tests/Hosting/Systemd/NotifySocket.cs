using System.Net.Sockets;
using System.Text;

namespace Collector.Worker.Tests.Hosting.Systemd;

/// <summary>The service manager's end: a real datagram socket at a path or in the abstract namespace.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
    {
        // Only so that a broken test ends; what is awaited arrives at once.
        ReceiveTimeout = 30_000,
    };

    private readonly DirectoryInfo? _folder;

    public NotifySocket(bool isAbstract)
    {
        if (!isAbstract)
            _folder = Directory.CreateTempSubdirectory("netlens-notify-");
        Address = _folder is null ? $"@netlens-test-{Guid.NewGuid()}" : Path.Combine(_folder.FullName, "notify");
        _socket.Bind(new UnixDomainSocketEndPoint(isAbstract ? '\0' + Address[1..] : Address));
    }

    /// <summary>As it would stand in NOTIFY_SOCKET.</summary>
    public string Address { get; }

    /// <summary>The next datagram.</summary>
    public string Receive()
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, _socket.Receive(buffer));
    }

    /// <summary>True while a datagram waits.</summary>
    public bool HasMore => _socket.Poll(0, SelectMode.SelectRead);

    public void Dispose()
    {
        _socket.Dispose();
        _folder?.Delete(recursive: true);
    }
}
