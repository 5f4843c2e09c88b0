using Collector.Core.Events;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>
/// Takes the probes' events, limits them, and hands each to every outlet's queue. Runs as a service of the host.
/// </summary>
internal sealed class EventHub : IEventSink, IHostedService, IDisposable
{
    /// <summary>How long the outlets may take to empty their queues when the agent stops.</summary>
    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan SummaryInterval = TimeSpan.FromSeconds(1);

    private readonly List<NetworkEvent> _summaries = [];
    private readonly Lock _summariesLock = new();
    private readonly EventLimiter _limiter;
    private readonly OutletQueue[] _outlets;
    private readonly TimeProvider _time;
    private readonly TimeSpan _grace;
    private ITimer? _timer;
    private long _published;

    /// <param name="limiter">Decides what gets through.</param>
    /// <param name="outlets">Each is disposed with the hub.</param>
    /// <param name="capacity">Events that may wait for an outlet.</param>
    /// <param name="time">Runs the timer of the summaries.</param>
    /// <param name="log">Gets the few lines that there are.</param>
    /// <param name="grace">For the end; null takes <see cref="DefaultGrace"/>.</param>
    public EventHub(
        EventLimiter limiter, IEnumerable<IEventOutlet> outlets, int capacity, TimeProvider time, ILogger log,
        TimeSpan? grace = null)
    {
        _limiter = limiter;
        _time = time;
        _grace = grace ?? DefaultGrace;
        _outlets = [.. outlets.Select(o => new OutletQueue(o, capacity, log))];
    }

    public IReadOnlyList<OutletQueue> Outlets => _outlets;

    /// <summary>Events that got through, without summaries.</summary>
    public long Published => Interlocked.Read(ref _published);

    /// <summary>Events held back, by the limiter or by the kernel side.</summary>
    public long HeldBackCount => _limiter.HeldBack;

    public long Summaries => _limiter.Summaries;

    public bool Admit(in EventKey key, long time) => _limiter.Admit(key, time);

    public void HeldBack(in EventKey key, long count) => _limiter.HoldBack(key, count);

    public void Favour(Func<ulong, bool> isFavoured) => _limiter.Favour(isFavoured);

    public void Publish(in EventKey key, NetworkEvent e)
    {
        Interlocked.Increment(ref _published);
        Offer(_limiter.Pass(key, e));
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var outlet in _outlets)
            outlet.Start();
        _timer = _time.CreateTimer(_ => Summarise(), null, SummaryInterval, SummaryInterval);
        return Task.CompletedTask;
    }

    /// <summary>Reports what was held back, then gives the outlets a moment to empty their queues.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is not null)
            await _timer.DisposeAsync();
        Summarise(all: true);
        foreach (var outlet in _outlets)
            outlet.Close();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_grace);
        await Task.WhenAll(_outlets.Select(o => o.DrainAsync(deadline.Token)));
    }

    /// <summary>Hands out the summaries that are due; called by the timer.</summary>
    internal void Summarise(bool all = false)
    {
        lock (_summariesLock)
        {
            _limiter.Summarise(_summaries, all);
            foreach (var summary in _summaries)
                Offer(summary);
            _summaries.Clear();
        }
    }

    private void Offer(NetworkEvent e)
    {
        foreach (var outlet in _outlets)
            outlet.Offer(e);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        foreach (var outlet in _outlets)
            outlet.Dispose();
    }
}
