using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Snapshots;
using Collector.Linux.Findings.Common;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>
/// Takes the probes' events, limits them, and hands each to every outlet's queue. Runs as a service of the host.
/// </summary>
internal sealed class EventHub : IEventSink, IHostedService, IDisposable
{
    /// <summary>How long the outlets may take to empty their queues when the agent stops.</summary>
    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(1);

    /// <summary>How long an outlet that is no longer wanted may take to empty its queue.</summary>
    private static readonly TimeSpan Retirement = TimeSpan.FromSeconds(30);

    /// <summary>The same where the rest waits on disk, for the outlet in its place too.</summary>
    private static readonly TimeSpan RetirementToDisk = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan SummaryInterval = TimeSpan.FromSeconds(1);

    private readonly List<NetworkEvent> _summaries = [];
    private readonly Lock _summariesLock = new();
    private readonly EventLimiter _limiter;
    private readonly Lock _change = new();
    private readonly List<OutletTally> _tallies = [];
    private readonly List<OutletQueue> _retired = [];
    private readonly Dictionary<string, object> _madeFor = [];
    private readonly TimeProvider _time;
    private readonly TimeSpan _grace;
    private volatile string? _tracedNode;
    private volatile OutletQueue[] _outlets;
    private ITimer? _timer;
    private bool _started;
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
        _outlets = [.. outlets.Select(o => Add(o, capacity, log))];
    }

    /// <summary>Gets what histograms have counted; null: nobody does.</summary>
    public ExemplarInbox? Exemplars { get; set; }

    /// <summary>Gets all that got through, for the rules; null: there are none.</summary>
    public FindingInbox? Findings { get; set; }

    public IReadOnlyList<OutletQueue> Outlets => _outlets;

    /// <summary>What became of the events, by outlet; also of those that are gone, or may come.</summary>
    public IReadOnlyList<OutletTally> Tallies => _tallies;

    /// <summary>False as long as nobody wanted any.</summary>
    public bool Used
    {
        get
        {
            // By index: each collection asks, and an enumerator would be allocated.
            for (var i = 0; i < _tallies.Count; i++)
            {
                if (_tallies[i].Used)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Events that got through, without summaries.</summary>
    public long Published => Interlocked.Read(ref _published);

    private bool IsWanted => _outlets.Length > 0 || Findings is not null;

    /// <summary>Events held back, by the limiter or by the kernel side.</summary>
    public long HeldBackCount => _limiter.HeldBack;

    public long Summaries => _limiter.Summaries;

    /// <summary>
    /// Makes limiter and outlets what the settings say: an outlet for which all stays the same goes on, another takes
    /// no more and is gone when its queue is empty.
    /// </summary>
    public void Reconfigure(OutletSettings settings, ILogger log)
    {
        var events = settings.Options.Events;
        lock (_change)
        {
            _limiter.Reconfigure(events.Burst, events.Window);
            foreach (var kind in AllOutlets.List)
                TallyOf(kind.Name);
            var wanted = Wanted(settings, log);
            var gone = _outlets.Except(wanted).ToArray();
            // First of all: whoever finds an outlet closed looks here for the one in its place.
            _outlets = [.. wanted];
            // Where no span is made of an occurrence, nothing may lead to one.
            _tracedNode = wanted.Exists(o => o.Name == SpanEventOutlet.OutletName)
                ? settings.Resource!.InstanceId : null;
            foreach (var outlet in wanted)
                outlet.Capacity = events.Queue;
            foreach (var outlet in gone)
                Retire(outlet, _started ? wanted.Find(o => o.Name == outlet.Name && o.Kept is not null) : null);
        }
    }

    public bool Admit(in EventKey key, long time) => IsWanted && _limiter.Admit(key, time);

    public void HeldBack(in EventKey key, long count)
    {
        if (IsWanted)
            _limiter.HoldBack(key, count);
    }

    public void Publish(in EventKey key, NetworkEvent e)
    {
        Interlocked.Increment(ref _published);
        if (e.Start is not null && _tracedNode is { } node)
            e = e with { Trace = EventTrace.Of(e, node) };
        Exemplars?.Offer(e);
        if (key.Info != FindingEvents.Raised && key.Info != FindingEvents.Ended)
            Findings?.Offer(e);
        Offer(_limiter.Pass(key, e));
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_change)
        {
            _started = true;
            foreach (var outlet in _outlets)
                outlet.Start();
        }
        _timer = _time.CreateTimer(_ => Summarise(), null, SummaryInterval, SummaryInterval);
        return Task.CompletedTask;
    }

    /// <summary>Reports what was held back, then gives the outlets a moment to empty their queues.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is not null)
            await _timer.DisposeAsync();
        Summarise(all: true);
        OutletQueue[] all;
        lock (_change)
            all = [.. _outlets, .. _retired];
        foreach (var outlet in all)
        {
            if (_started)
                outlet.Start();
            outlet.Close();
        }
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_grace);
        await Task.WhenAll(all.Select(o => o.DrainAsync(deadline.Token)));
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
        {
            if (outlet.TryOffer(e))
                continue;
            // Closed since: another may have taken its place, or none, or everything ends.
            var now = Array.Find(_outlets, o => o.Name == outlet.Name);
            if (now is not null && (now == outlet || !now.TryOffer(e)))
                now.Drop();
        }
    }

    /// <summary>Those that go on, and new ones; nothing has changed where one of these cannot be made.</summary>
    private List<OutletQueue> Wanted(OutletSettings settings, ILogger log)
    {
        var wanted = new List<OutletQueue>();
        var made = new List<(OutletKind Kind, IEventOutlet Outlet)>();
        try
        {
            foreach (var kind in AllOutlets.Asked(settings).Where(k => Running(k, settings) is null))
                made.Add((kind, kind.Make(settings, log)));
        }
        catch
        {
            foreach (var (_, outlet) in made)
                outlet.Dispose();
            throw;
        }
        foreach (var kind in AllOutlets.Asked(settings))
        {
            if (Running(kind, settings) is { } running)
            {
                wanted.Add(running);
                continue;
            }
            var queue = Add(made.Find(m => m.Kind == kind).Outlet, settings.Options.Events.Queue, log);
            _madeFor[kind.Name] = kind.Asked(settings)!;
            wanted.Add(queue);
            // One that keeps events on disk waits for the one whose place it takes: it has the folder.
            if (_started && (queue.Kept is null || !_outlets.Any(o => o.Name == queue.Name && o.Kept is not null)))
                queue.Start();
        }
        return wanted;
    }

    private OutletQueue? Running(OutletKind kind, OutletSettings settings) =>
        Array.Find(_outlets, o => o.Name == kind.Name) is { } running
        && kind.Asked(settings)!.Equals(_madeFor.GetValueOrDefault(kind.Name))
            ? running
            : null;

    private OutletQueue Add(IEventOutlet outlet, int capacity, ILogger log)
    {
        var queue = new OutletQueue(outlet, capacity, log);
        TallyOf(queue.Name).Add(queue);
        return queue;
    }

    private OutletTally TallyOf(string name)
    {
        if (_tallies.Find(t => t.Name == name) is { } tally)
            return tally;
        _tallies.Add(tally = new(name));
        return tally;
    }

    /// <param name="outlet">Takes no more.</param>
    /// <param name="next">Starts when it is gone; null: nobody waits for that.</param>
    private void Retire(OutletQueue outlet, OutletQueue? next)
    {
        _retired.Add(outlet);
        if (_started)
            outlet.Start(); // Where it still waited for the one before it.
        outlet.Close();
        _ = RetireAsync();

        async Task RetireAsync()
        {
            using (var limit = new CancellationTokenSource(outlet.Kept is null ? Retirement : RetirementToDisk, _time))
                await outlet.DrainAsync(limit.Token);
            lock (_change)
                _retired.Remove(outlet);
            outlet.Dispose();
            TallyOf(outlet.Name).End(outlet);
            if (outlet.Kept is not null)
                next?.Start();
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        foreach (var outlet in _outlets)
            outlet.Dispose();
        OutletQueue[] retired;
        lock (_change)
            retired = [.. _retired];
        foreach (var outlet in retired)
            outlet.Dispose();
    }
}
