using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Collector.Worker.Http;

/// <summary>
/// Takes connections from the kernel no faster than the guard closes others for them: a burst waits in the kernel's
/// queue, where it costs no descriptor. Taken all at once it would take the descriptors that the runtime must have.
/// </summary>
/// <param name="inner">Listens on ports.</param>
/// <param name="connections">Makes connections of what comes over Unix sockets.</param>
/// <param name="listeners">They have these sockets.</param>
internal sealed class PacedTransport(
    IConnectionListenerFactory inner, SocketConnectionContextFactory connections, Listeners listeners)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) =>
        inner is not IConnectionListenerFactorySelector selector || selector.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken token = default) =>
        new PacedListener(
            endpoint is UnixDomainSocketEndPoint unix
                ? new SharedListener(listeners.SocketAt(unix.ToString()), connections)
                : await inner.BindAsync(endpoint, token),
            listeners.Guard.Most);
}

/// <summary>The listener of a <see cref="PacedTransport"/>.</summary>
internal sealed class PacedListener(IConnectionListener inner, int most) : IConnectionListener
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(2);

    // Longer than a closing takes; whoever holds a connection for longer does not keep the next from coming.
    private const int MostSteps = 100;

    private int _open;

    public EndPoint EndPoint => inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken token = default)
    {
        for (var i = 0; i < MostSteps && Volatile.Read(ref _open) > most; i++)
            await Task.Delay(Step, token);
        var connection = await inner.AcceptAsync(token);
        if (connection is null)
            return null;
        Interlocked.Increment(ref _open);
        connection.ConnectionClosed.Register(() => Interlocked.Decrement(ref _open));
        return connection;
    }

    public ValueTask UnbindAsync(CancellationToken token = default) => inner.UnbindAsync(token);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
