using System.Threading.Channels;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Export.Series;
using Collector.Worker.Hosting;
using Collector.Worker.Recorder;
using Collector.Worker.Watch;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Commands;

/// <summary>
/// Events that this process sees itself: the agent's own collector and hub, for as long as somebody looks.
/// </summary>
/// <param name="options">The configuration.</param>
/// <param name="filter">What is wanted.</param>
/// <param name="asked">It was asked for: an agent may run as well.</param>
internal sealed class OwnEvents(AgentOptions options, EventFilter filter, bool asked) : IWatchSource
{
    /// <summary>The probe that tells what was lost on the way from the kernel.</summary>
    private const string Losses = "ebpf";

    /// <summary>New namespaces and pods have their names after this long: somebody waits for them.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    public string Name => "here";

    // A collection belongs to one thread.
    public Task<int> RunAsync(ChannelWriter<WatchItem> into, CancellationToken stop) => Task.Factory.StartNew(
        () => Run(into, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private int Run(ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        var events = options.Events;
        var outlet = new WatchOutlet(Name, filter, into);
        using var hub = new EventHub(new EventLimiter(events.Burst, events.Window, TimeProvider.System), [outlet],
            events.Queue, TimeProvider.System, NullLogger.Instance);
        hub.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        var code = Watch(into, hub, stop);
        // What was held back and not told yet.
        hub.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
        if (hub.Outlets[0].Dropped + hub.Outlets[0].Failed is > 0 and var lost)
            into.TryWrite(new WatchLoss(Name, "the queue before this terminal", lost));
        return code;
    }

    private int Watch(ChannelWriter<WatchItem> into, EventHub hub, CancellationToken stop)
    {
        var wanted = Probes().ToArray();
        using var collector = Session.Collector(options, [.. wanted.Union([Losses])], events: hub)!;
        var snapshot = collector.CollectOnce();
        var runners = collector.Runners.Where(r => wanted.Contains(r.Info.Id)).ToArray();
        var running = Array.FindAll(runners, r => r.State == ProbeState.Running);
        if (running.Length == 0)
        {
            Say(into, $"{Why} and no event can be seen from here: {Reasons(runners)}", stop);
            return ExitCodes.Unavailable;
        }
        Say(into, $"{Why}; watching by own eBPF programs: {string.Join(", ", running.Select(r => r.Info.Id))}", stop);
        while (!stop.IsCancellationRequested)
        {
            collector.Node.Rest(Interval, stop);
            snapshot = collector.CollectOnce();
        }
        foreach (var (probe, count) in Lost(snapshot))
            into.TryWrite(new WatchLoss(Name, probe, count));
        return ExitCodes.Ok;
    }

    private string Why => asked ? "asked for --own" : $"no agent at {LocalAgent.Places(options)}";

    private static void Say(ChannelWriter<WatchItem> into, string text, CancellationToken stop)
    {
        try
        {
            into.WriteAsync(new WatchNotice("here", text), stop).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // It is to end before it has begun: nobody waits for this.
        }
    }

    // Those with a kind that is wanted; without such a wish those that are on.
    private IEnumerable<string> Probes() => NodeFactory.Catalogue
        .Where(p => filter.Kinds is { } kinds
            ? p.Events.Any(e => kinds.Contains(e.Name))
            : p.Events.Count > 0 && (options.Probes.GetValueOrDefault(p.Id)?.Enabled ?? p.EnabledByDefault))
        .Select(p => p.Id);

    // Mostly all lack the same.
    private static string Reasons(ProbeRunner[] runners) => string.Join("; ", runners.GroupBy(r => r.Reason)
        .Select(g => $"{string.Join(", ", g.Select(r => r.Info.Id))}: {g.Key}"));

    private static IEnumerable<(string Probe, long Count)> Lost(Snapshot snapshot) => SeriesReader
        .Read(snapshot, MetricNaming.Otel, "").Where(s => s.Name == "netlens.ebpf.lost" && s.Raw > 0)
        .Select(s => (string.Join(' ', s.Attributes.Select(a => a.Value.ToString())), s.Raw));
}
