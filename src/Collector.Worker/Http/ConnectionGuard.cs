using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Collector.Worker.Http;

/// <summary>
/// Lets every connection in, and at the bound closes another one for it: that on which nothing has happened for
/// longest, one without a request if there is any. Whoever holds connections open loses them; whoever asks is answered.
/// </summary>
public sealed class ConnectionGuard
{
    /// <summary>
    /// Bytes that the kernel keeps for a reader. Left to itself it would take up to 4 MiB for each, which count as
    /// the agent's memory.
    /// </summary>
    private const int SendBuffer = 128 * 1024;

    private readonly Lock _lock = new();
    private readonly List<ClientConnection> _open = [];
    private readonly List<ClientConnection> _sending = [];
    private readonly int _mostSending;
    private long _evicted;

    /// <param name="most">Connections at once.</param>
    /// <param name="mostSending">Pages sent at once.</param>
    public ConnectionGuard(int most, int mostSending)
    {
        Most = most;
        _mostSending = Math.Min(mostSending, most);
    }

    /// <summary>Connections at once.</summary>
    public int Most { get; }

    /// <summary>Connections closed to make room.</summary>
    public long Evicted => Interlocked.Read(ref _evicted);

    /// <summary>Called with the bound when a connection is closed for another.</summary>
    public Action<int> OnEvicted { get; set; } = static _ => { };

    /// <summary>Middleware of the server: knows a connection from its first to its last moment.</summary>
    public async Task InvokeAsync(ConnectionContext context, ConnectionDelegate next)
    {
        if (context.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
            socket.SendBufferSize = SendBuffer;
        var connection = new ClientConnection(
            () => context.Abort(new ConnectionAbortedException("closed to make room for another")))
        {
            IsLocal = context.LocalEndPoint is UnixDomainSocketEndPoint,
        };
        connection.AttachTo(context);
        Admit(_open, connection, Most);
        try
        {
            await next(context);
        }
        finally
        {
            lock (_lock)
                _open.Remove(connection);
        }
    }

    /// <summary>Middleware of the application: notes when requests begin and end.</summary>
    public static async Task NoteAsync(HttpContext context, RequestDelegate next)
    {
        var connection = ClientConnection.Of(context);
        connection?.Begin();
        try
        {
            await next(context);
        }
        finally
        {
            connection?.End();
        }
    }

    /// <summary>A page begins to be sent: at the bound, the reader that took nothing for longest is cut off.</summary>
    internal void BeginSending(ClientConnection connection) => Admit(_sending, connection, _mostSending);

    internal void EndSending(ClientConnection connection)
    {
        lock (_lock)
            _sending.Remove(connection);
    }

    private void Admit(List<ClientConnection> among, ClientConnection connection, int most)
    {
        ClientConnection? victim = null;
        lock (_lock)
        {
            if (among.Count >= most)
            {
                victim = among.MinBy(c => (c.Busy, c.Lasting, c.Since));
                among.Remove(victim!);
            }
            among.Add(connection);
        }
        if (victim is null)
            return;
        Interlocked.Increment(ref _evicted);
        victim.Cut();
        OnEvicted(most);
    }
}
