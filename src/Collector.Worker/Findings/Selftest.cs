using System.Diagnostics;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Findings.Faults;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Findings;

/// <summary>What was seen of a fault, and after how long.</summary>
/// <param name="Fault">What was caused.</param>
/// <param name="Metric">Until the metric had grown; null: it had not.</param>
/// <param name="Event">Until there was an event; null: there was none, or none is to be.</param>
/// <param name="Finding">Until it was found; null: it was not.</param>
/// <param name="Sentence">What the finding says.</param>
/// <param name="Others">What else was found of the namespace, consequences left out.</param>
/// <param name="Hooks">How the event's probe looks into this kernel, or why it cannot.</param>
internal sealed record SelftestResult(
    Fault Fault, TimeSpan? Metric, TimeSpan? Event, TimeSpan? Finding, string Sentence, IReadOnlyList<string> Others,
    string Hooks)
{
    /// <summary>All that this kernel can show was seen, and nothing else was said.</summary>
    public bool Passed => Metric is not null && (Fault.Event is null || Event is not null) && Finding is not null
        && Others.Count == 0;
}

/// <summary>
/// Causes faults in namespaces of its own on this machine's kernel and looks what an agent would say of them.
/// </summary>
internal sealed class Selftest : IDisposable
{
    /// <summary>A fault that was not found by then is not found.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly SeenEvents _events = new();
    private readonly EventHub _hub;
    private readonly NodeCollector _collector;
    private long _since;

    public Selftest(AgentOptions options, Func<IEventSink, NodeCollector> collect)
    {
        _hub = new EventHub(
            new EventLimiter(1000, TimeSpan.FromSeconds(1), TimeProvider.System), [_events], options.Events.Queue,
            TimeProvider.System, NullLogger.Instance);
        _hub.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        _collector = collect(_hub);
        if (_collector.Node.Findings is not { } engine)
            throw new IOException("this system has no findings: they need Linux");
        _hub.Findings = engine.Inbox;
        engine.Shortest = TimeSpan.FromSeconds(1);
        _collector.CollectOnce();
    }

    private FindingEngine Engine => _collector.Node.Findings!;

    /// <summary>Causes one fault until it was found, or for as long as patience lasts.</summary>
    /// <exception cref="Linux.Interop.LinuxException">There is no namespace to be had.</exception>
    public SelftestResult Run(Fault fault, CancellationToken stop)
    {
        // Another namespace had the number before, as like as not.
        _since = Engine.Store.Raised;
        _events.Clear();
        using var ns = new FaultNamespace($"netlens-selftest-{Environment.ProcessId}-{fault.Finding.Kind}");
        _collector.CollectOnce();
        // Once more: what is there before the fault is no sign of it.
        _collector.CollectOnce();
        var before = ValueOf(fault.Metric, ns.Inode);
        var start = Stopwatch.GetTimestamp();
        TimeSpan? metric = null, told = null, found = null;
        while (Stopwatch.GetElapsedTime(start) < Patience && !stop.IsCancellationRequested
            && (metric is null || found is null || (fault.Event is not null && told is null)))
        {
            try
            {
                ns.Run(() => fault.Cause(ns));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
            {
                return new(fault, metric, told, found, "", [], $"it could not be caused: {e.Message}");
            }
            _collector.Node.Rest(Interval, stop);
            _collector.CollectOnce();
            var now = Stopwatch.GetElapsedTime(start);
            metric ??= ValueOf(fault.Metric, ns.Inode) > before ? now : null;
            told ??= fault.Event is { } info && _events.Has(info, ns.Inode) ? now : null;
            found ??= FindingsOf(ns.Inode).Any(f => f.Info == fault.Finding) ? now : null;
        }
        var all = FindingsOf(ns.Inode).ToArray();
        return new(fault, metric, told, found,
            Array.Find(all, f => f.Info == fault.Finding)?.Sentence ?? "",
            [.. all.Where(f => f.Cause is null && !Belongs(f.Info, fault.Finding)).Select(f => f.Info.Kind)],
            HooksOf(fault));
    }

    // On loopback both ends are one: the other end's finding is of the same fault.
    private static bool Belongs(FindingInfo found, FindingInfo caused) =>
        found == caused || found.Explains.Contains(caused) || caused.Explains.Contains(found);

    private IEnumerable<Finding> FindingsOf(ulong inode) => Engine.Store.All
        .Where(f => f.Number > _since && f.Subject?.Inode == inode);

    private long ValueOf(Metric metric, ulong inode)
    {
        using var lease = _collector.Store.Acquire();
        var sum = 0L;
        foreach (var table in lease.Snapshot!.Tables.Where(t => t.Info.Id == metric.Table.Id))
        {
            for (var row = 0; row < table.Count; row++)
            {
                if (table.Rows[row].Subject?.Inode == inode && table.Column(metric.Column)[row] is > 0 and var value)
                    sum += value;
            }
        }
        return sum;
    }

    private string HooksOf(Fault fault)
    {
        if (fault.Event is not { } info)
            return "";
        var runner = _collector.Runners.FirstOrDefault(r => r.Info.Events.Contains(info));
        if (runner is not { State: ProbeState.Running })
            return $"not on this kernel: {runner?.Reason ?? "its probe is off"}";
        return (_collector.Node as LinuxNode)?.Host.Bpf.Reports.GetValueOrDefault(runner.Info.Id) is { } ladder
            ? string.Join(", ", ladder.Hooks.Where(h => h.Taken is not null).Select(h => h.Taken!.Sections))
            : "counters and sockets";
    }

    public void Dispose()
    {
        _collector.Dispose();
        _hub.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
        _hub.Dispose();
    }

    /// <summary>Remembers which kinds happened where.</summary>
    private sealed class SeenEvents : IEventOutlet
    {
        private readonly HashSet<(EventInfo Info, ulong Inode)> _seen = [];

        public string Name => "selftest";

        public bool Has(EventInfo info, ulong inode)
        {
            lock (_seen)
                return _seen.Contains((info, inode));
        }

        public void Clear()
        {
            lock (_seen)
                _seen.Clear();
        }

        public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
        {
            lock (_seen)
            {
                foreach (var e in batch)
                    _seen.Add((e.Info, e.Subject?.Inode ?? 0));
            }
            return batch.Length;
        }

        public void Dispose()
        {
        }
    }
}
