using System.Diagnostics.CodeAnalysis;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>Makes rows of the kernel's counters. Belongs to the collection thread.</summary>
internal sealed class PacketLossCounts
{
    private readonly ProbeHost _host;
    private readonly DropReasons _reasons;
    private readonly DropPlaces _places;
    private readonly BpfMap _unattributed;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<PacketLossKey, PacketLossValue, Counted> _drops;
    private readonly NamespaceCounters<PacketLossKey, OverflowValue, Counted> _overflow;
    private readonly Dictionary<string, int> _labels = [];
    private readonly List<string> _labelTexts = [];
    private readonly byte[] _families;
    private readonly long _since = KernelClock.UnixNow();
    private readonly Action<Subject> _forget;
    private CounterRows _rows;
    private CounterRows _lost;
    private CounterRows _nodeRows;
    private CounterRows _legacy;
    private CounterRows _stages;

    public PacketLossCounts(ProbeHost host, BpfObject loaded, DropReasons reasons, DropPlaces places)
    {
        _host = host;
        _reasons = reasons;
        _places = places;
        _unattributed = loaded.Map("unattributed");
        _families = new byte[_unattributed.EntrySize];
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var (drops, overflow) = (loaded.Map("packetloss"), loaded.Map("overflow"));
        _drops = new(drops, _namespaces, new(loaded, SharedMap.Counters, drops))
        {
            Meet = Meet,
            Add = static (in _, in value, row) => Add(row, value.Drops),
            // Of what is orderly nothing is held back.
            EventKey = key => (places.Recall(key.Case) ?? places.Judge(key.Case)).IsEvent
                ? PacketLoss.KeyOf(key.Netns, key.Case, places)
                : null,
        };
        _overflow = new(overflow, _namespaces, new(loaded, SharedMap.Overflow, overflow))
        {
            Meet = Meet,
            Add = static (in _, in value, row) => Add(row, value.Drops),
        };
        _forget = Forget;
        MakeRows();
    }

    /// <summary>Looks at everything anew after the settings changed; counters go on.</summary>
    public void Review()
    {
        // Rows of what is ignored from now on would stay at 0.
        MakeRows();
        _drops.Review();
        _overflow.Review();
    }

    public void Collect(SnapshotBuilder snapshot, IEventSink events)
    {
        _namespaces.Begin(snapshot.Moment, _drops.Scarce, _forget);
        _rows.Begin();
        _lost.Begin();
        _nodeRows.Begin();
        _legacy.Begin();
        _stages.Begin();
        _namespaces.Cover(_stages);
        _namespaces.Cover(_lost);
        _namespaces.Cover(_legacy);
        if (!_drops.TryRead(snapshot, events) || !_overflow.TryRead(snapshot, events)
            || !TryReadUnattributed(snapshot))
        {
            return;
        }
        _rows.Write(snapshot);
        _lost.Write(snapshot);
        _nodeRows.Write(snapshot);
        _legacy.Write(snapshot);
        _stages.Write(snapshot);
    }

    [MemberNotNull(nameof(_rows), nameof(_lost), nameof(_nodeRows), nameof(_legacy), nameof(_stages))]
    private void MakeRows()
    {
        _rows = new CounterRows(PacketLossTables.Drops, _since, Tags);
        _lost = new CounterRows(PacketLossTables.Lost, _since, static (_, _) => []);
        _nodeRows = new CounterRows(PacketLossTables.Unattributed, _since, NodeTags);
        _legacy = new CounterRows(PacketLossTables.Legacy, _since, static (_, _) => []);
        _stages = new CounterRows(PacketLossTables.Stages, _since, static (_, _) => []);
    }

    private bool TryReadUnattributed(SnapshotBuilder snapshot)
    {
        Span<long> sum = stackalloc long[1];
        try
        {
            for (var index = 0u; index < _unattributed.MaxEntries; index++)
            {
                if (!_unattributed.TryLookup(index, _families))
                    continue;
                PerCpu.Sum(_families, sum);
                if (sum[0] > 0)
                    _nodeRows.Of(ns: null, Label(_reasons.Name(DropReasons.Other)), index * 2).Values[0] += sum[0];
            }
            return true;
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return false;
        }
    }

    private Counted? Meet(PacketLossKey key, Subject? ns)
    {
        var outcome = _places.Judge(key.Case).Outcome;
        if (outcome == DropOutcome.Ignored)
            return null;
        var place = _places.Of(key.Location);
        var reason = key.Reason == 0 ? place.Function : _reasons.Name(key.Reason);
        var label = Label(reason.Length > 0 ? reason : "_other");
        if (ns is null)
            return new Counted(_nodeRows.Of(ns: null, label, key.Family), null, null, 0, null, 0);
        return new Counted(
            _rows.Of(ns, label, ((long)outcome << 8) | key.Family),
            outcome == DropOutcome.Lost ? _lost.Of(ns) : null,
            key.Family == 0 || outcome == DropOutcome.Orderly ? null : _legacy.Of(ns),
            PacketLossTables.LegacyColumn(place, reason),
            key.Family == 0 ? null : _stages.Of(ns),
            DropStages.Column(
                DropStages.Of(place.Function, _reasons.Specific(key.Reason), key.Received != 0), outcome));
    }

    private static void Add(Counted counted, long drops)
    {
        counted.Row.Values[0] += drops;
        if (counted.Lost is { } lost)
            lost.Values[0] += drops;
        if (counted.Stages is { } stages)
            stages.Values[counted.StageColumn] += drops;
        if (counted.Legacy is not { } legacy)
            return;
        legacy.Values[0] += drops;
        legacy.Values[counted.LegacyColumn] += drops;
    }

    private void Forget(Subject ns)
    {
        _rows.Drop(ns);
        _lost.Drop(ns);
        _legacy.Drop(ns);
        _stages.Drop(ns);
    }

    private int Label(string text)
    {
        if (!_labels.TryGetValue(text, out var label))
        {
            _labels.Add(text, label = _labelTexts.Count);
            _labelTexts.Add(text);
        }
        return label;
    }

    private TagValue[] Tags(long label, long kind) =>
        [.. NodeTags(label, kind & 0xff), PacketLossTables.Outcome((DropOutcome)(kind >> 8))];

    private TagValue[] NodeTags(long label, long family) =>
        [_labelTexts[(int)label], family switch { 4 => "ipv4", 6 => "ipv6", _ => "other" }];

    /// <summary>The rows that an entry of the kernel counts in.</summary>
    private sealed record Counted(
        CounterRow Row, CounterRow? Lost, CounterRow? Legacy, int LegacyColumn, CounterRow? Stages, int StageColumn);
}
