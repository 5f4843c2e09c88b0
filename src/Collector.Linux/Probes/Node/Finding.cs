using System.Runtime.InteropServices;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Findings.Common;
using Collector.Linux.Kernel;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Node;

/// <summary>What the rules found up to the collection before, as figures.</summary>
internal sealed class Finding(ProbeHost host) : Probe(Info)
{
    private static readonly TagKey KindKey = new("netlens.finding.kind");

    private static readonly Metric Active = Metric.UpDownCounter("netlens.finding.active", "{finding}",
        "Faults of the kind whose cause is known and that were seen in the last minute, consequences of others left "
            + "out.");

    private static readonly Metric Raised = Metric.Counter("netlens.findings", "{finding}",
        "Findings of the kind since the start, consequences of others included; a series begins with the first.");

    private static readonly TableInfo ActiveTable = new("finding", RowScope.Namespace, [KindKey], [Active]);
    private static readonly TableInfo RaisedTable = new("finding.raised", RowScope.Namespace, [KindKey], [Raised]);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "finding",
        Description = "Causes of faults that were found: how many are there now, and how often each was.",
        Source = "the other probes' figures and events",
        Tables = [ActiveTable, RaisedTable],
        Events = [FindingEvents.Raised, FindingEvents.Ended],
    };

    private long _since;
    private readonly Dictionary<FindingCount, Row> _raised = [];
    private readonly Dictionary<(Subject? Subject, FindingInfo Info), (Row Row, long Count)> _active = [];
    private readonly List<Core.Findings.Finding> _now = [];
    private readonly List<FindingCount> _counts = [];
    private readonly Dictionary<FindingCount, long> _before = [];

    // What was raised before it started, one before it may have told.
    public override void Start()
    {
        _since = KernelClock.UnixNow();
        _raised.Clear();
        _before.Clear();
        host.Findings.CopyCounts(_counts);
        foreach (var count in _counts)
            _before[KeyOf(count)] = count.Count;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        host.Findings.CopyActive(_now);
        foreach (var key in _active.Keys)
            _active[key] = (_active[key].Row, 0);
        foreach (var finding in _now)
        {
            var key = (finding.Subject, finding.Info);
            var (row, count) = _active.GetValueOrDefault(key);
            row ??= new Row(ActiveTable, finding.Subject, snapshot.Time, finding.Info.Kind);
            _active[key] = (row, count + 1);
        }
        foreach (var (key, (row, count)) in _active)
        {
            // Once more as 0, so that whoever looks sees it end.
            snapshot.Append(row).Set(Active, count);
            if (count == 0)
                _active.Remove(key);
        }
        host.Findings.CopyCounts(_counts);
        foreach (var count in _counts)
        {
            if (count.Count - Before(count) is > 0 and var raised)
                snapshot.Append(RowOf(count)).Set(Raised, raised);
        }
        if (_raised.Count > _counts.Count || _before.Count > _counts.Count)
            Forget();
    }

    private long Before(FindingCount count)
    {
        var before = _before.GetValueOrDefault(KeyOf(count));
        if (before <= count.Count)
            return before;
        // It was forgotten, and began anew.
        _before.Remove(KeyOf(count));
        return 0;
    }

    private Row RowOf(FindingCount count)
    {
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(_raised, KeyOf(count), out _);
        return row ??= new Row(
            RaisedTable, count.Subject, Math.Max(_since, count.Subject?.StartTime ?? 0), count.Info.Kind);
    }

    private static FindingCount KeyOf(FindingCount count) => count with { Count = 0 };

    // Subjects that are no more.
    private void Forget()
    {
        var counted = _counts.Select(KeyOf).ToHashSet();
        foreach (var key in _raised.Keys)
        {
            if (!counted.Contains(key))
                _raised.Remove(key);
        }
        foreach (var key in _before.Keys)
        {
            if (!counted.Contains(key))
                _before.Remove(key);
        }
    }
}
