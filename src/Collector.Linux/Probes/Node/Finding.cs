using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Findings;
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

    private static readonly Metric Raised = Metric.Counter("netlens.finding.raised", "{finding}",
        "Findings of the kind since the start, consequences of others included.");

    private static readonly TableInfo ActiveTable = new("finding", RowScope.Namespace, [KindKey], [Active]);
    private static readonly TableInfo RaisedTable = new("finding.raised", RowScope.Node, [KindKey], [Raised]);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "finding",
        Description = "Causes of faults that were found: how many are there now, and how often each was.",
        Source = "the other probes' figures and events",
        Tables = [ActiveTable, RaisedTable],
        Events = [FindingEvents.Raised, FindingEvents.Ended],
    };

    private readonly Row[] _raised =
        [.. AllFindings.List.Select(f => new Row(RaisedTable, null, KernelClock.UnixNow(), f.Info.Kind))];

    private readonly Dictionary<(Subject? Subject, FindingInfo Info), (Row Row, long Count)> _active = [];
    private readonly List<Core.Findings.Finding> _now = [];
    private readonly List<KeyValuePair<FindingInfo, long>> _counts = [];

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
        for (var i = 0; i < _raised.Length; i++)
            snapshot.Append(_raised[i]).Set(Raised, CountOf(AllFindings.List[i].Info));
    }

    private long CountOf(FindingInfo info)
    {
        foreach (var (kind, count) in _counts)
        {
            if (kind == info)
                return count;
        }
        return 0;
    }
}
