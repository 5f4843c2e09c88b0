using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Collector.Worker.Http;

/// <summary>A connection, and since when nothing has happened on it.</summary>
internal sealed class ClientConnection(Action cut)
{
    private long _since = Stopwatch.GetTimestamp();

    /// <summary>When something happened last: it came, a request began or ended, a piece of a page was taken.</summary>
    public long Since => Volatile.Read(ref _since);

    /// <summary>True while a request is answered.</summary>
    public bool Busy { get; private set; }

    /// <summary>
    /// True while the answer is a stream: those have a bound of their own, so others go first, however long nothing
    /// happens on it.
    /// </summary>
    public bool Lasting { get; set; }

    /// <summary>True once it was closed in favour of another.</summary>
    public bool IsCut { get; private set; }

    /// <summary>True when it came over a Unix socket: whom to let in, its file's mode has said.</summary>
    public bool IsLocal { get; init; }

    /// <summary>The connection that a request came by; null behind a server without a guard.</summary>
    public static ClientConnection? Of(HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(ClientConnection), out var found)
            is true
            ? (ClientConnection?)found
            : null;

    /// <summary>Makes <see cref="Of"/> find it.</summary>
    public void AttachTo(ConnectionContext connection) => connection.Items[typeof(ClientConnection)] = this;

    public void Begin()
    {
        Busy = true;
        Touch();
    }

    public void End()
    {
        Busy = false;
        Touch();
    }

    public void Touch() => Volatile.Write(ref _since, Stopwatch.GetTimestamp());

    /// <summary>Sends what a stream has written by now, which is a piece that was taken.</summary>
    /// <param name="body">Of the answer.</param>
    /// <param name="patience">For the reader to take it.</param>
    /// <param name="end">The reader is gone, or the agent stops.</param>
    /// <exception cref="TimeoutException">It was not taken in time.</exception>
    /// <exception cref="OperationCanceledException">The connection was closed, or it is the end.</exception>
    public async Task FlushAsync(PipeWriter body, TimeSpan patience, CancellationToken end)
    {
        var flush = body.FlushAsync(CancellationToken.None);
        if (!flush.IsCompleted)
            await flush.AsTask().WaitAsync(patience, end);
        else
            await flush;
        // The server takes what is written to a closed connection, and says nothing.
        if (IsCut)
            throw new OperationCanceledException();
        Touch();
    }

    public void Cut()
    {
        IsCut = true;
        cut();
    }
}
