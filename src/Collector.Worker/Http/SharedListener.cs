using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Collector.Worker.Http;

/// <summary>Takes connections from a socket that outlives the server.</summary>
internal sealed class SharedListener : IConnectionListener
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private readonly CancellationTokenSource _unbound = new();
    private readonly SharedSocket _socket;
    private readonly SocketConnectionContextFactory _connections;
    private readonly CancellationToken _stop;

    public SharedListener(SharedSocket socket, SocketConnectionContextFactory connections)
    {
        (_socket, _connections, _stop) = (socket, connections, _unbound.Token);
        EndPoint = new UnixDomainSocketEndPoint(socket.Path);
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken token = default)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                return _connections.Create(await _socket.AcceptAsync(_stop));
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException)
            {
                // Whoever connected is gone already, or there are too many open files for the moment.
                await Task.Delay(Pause, CancellationToken.None);
            }
        }
        return null;
    }

    public ValueTask UnbindAsync(CancellationToken token = default) => new(_unbound.CancelAsync());

    public ValueTask DisposeAsync()
    {
        _unbound.Dispose();
        return ValueTask.CompletedTask;
    }
}
