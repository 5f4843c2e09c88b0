using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// Before a backend, where nothing is kept on disk: what does not arrive is sent again a few times, then lost. Those
/// behind it wait in the queue meanwhile.
/// </summary>
internal sealed class RetryingOutlet(
    IRemoteOutlet remote, ILogger log, IReadOnlyList<TimeSpan>? waits = null) : IEventOutlet
{
    /// <summary>A server is not left alone longer, whatever it asks for: the queue is bounded.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan[] DefaultWaits =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4)];

    private readonly IReadOnlyList<TimeSpan> _waits = waits ?? DefaultWaits;
    private readonly RemoteLog _said = new(remote, "until they can be, those lost are only counted", log);

    public string Name => remote.Name;

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        ReadOnlyMemory<NetworkEvent> left = batch.ToArray();
        var arrived = 0;
        for (var attempt = 0; !left.IsEmpty; attempt++)
        {
            var result = remote.Send(left, stop);
            if (stop.IsCancellationRequested && result.Settled < left.Length)
                return arrived + result.Arrived;
            _said.Tell(result, left.Length);
            arrived += result.Arrived;
            left = left[result.Settled..];
            if (left.IsEmpty)
                break;
            if (result.Settled > 0)
                attempt = 0;
            if (attempt == _waits.Count || stop.WaitHandle.WaitOne(Wait(attempt, result.RetryAfter)))
                break;
        }
        return arrived;
    }

    public void Dispose() => remote.Dispose();

    private TimeSpan Wait(int attempt, TimeSpan? asked)
    {
        var most = asked < LongestPause ? asked.Value : LongestPause;
        return asked is null || most < _waits[attempt] ? _waits[attempt] : most;
    }
}
