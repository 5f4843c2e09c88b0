using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>
/// Makes rows of the kernel's counters, and frees the map entries that nobody needs any more. Belongs to the collection
/// thread.
/// </summary>
internal sealed class PacketLossCounts
{
    private readonly ProbeHost _host;
    private readonly DropReasons _reasons;
    private readonly DropPlaces _places;
    private readonly BpfMap _map;
    private readonly BpfMap _overflow;
    private readonly BpfMap _unattributed;
    private readonly BpfMapReader<PacketLossKey, PacketLossValue> _reader;
    private readonly BpfMapReader<PacketLossKey, long> _overflowReader;
    private readonly DropOwners _owners;
    private readonly Dictionary<PacketLossKey, Entry> _entries = [];
    private readonly Dictionary<string, int> _labels = [];
    private readonly List<string> _labelTexts = [];
    private readonly byte[] _families;
    private readonly long _since = KernelClock.UnixNow();
    private readonly Action<Subject> _forget;
    private DropActions _actions;
    private CounterRows _rows;
    private CounterRows _nodeRows;
    private CounterRows _legacy;

    public PacketLossCounts(ProbeHost host, BpfObject loaded, DropReasons reasons, DropPlaces places)
    {
        _host = host;
        _reasons = reasons;
        _places = places;
        _map = loaded.Map("packetloss");
        _overflow = loaded.Map("overflow");
        _unattributed = loaded.Map("unattributed");
        _reader = new(_map);
        _overflowReader = new(_overflow);
        _families = new byte[_unattributed.EntrySize];
        _owners = new DropOwners(host);
        _forget = Forget;
        MakeRows();
    }

    /// <summary>Looks at everything anew after the settings changed; counters go on.</summary>
    /// <param name="actions">What is now done with each reason.</param>
    public void Review(DropActions actions)
    {
        _actions = actions;
        foreach (var (key, entry) in _entries)
            entry.Ignored = IsIgnored(key, entry.Place);
        // Rows of what is ignored from now on would stay at 0.
        MakeRows();
    }

    public void Collect(SnapshotBuilder snapshot, IEventSink events)
    {
        _owners.Begin(snapshot.Time, _reader.Count > _map.MaxEntries * 3 / 4, _forget);
        _rows.Begin();
        _nodeRows.Begin();
        _legacy.Begin();
        var all = _host.Namespaces.All;
        for (var i = 0; i < all.Count; i++)
            _legacy.Counters(all[i].Namespace, 0, 0, _since);
        ReadEntries(events);
        ReadOverflow();
        ReadUnattributed();
        _rows.Write(snapshot);
        _nodeRows.Write(snapshot);
        _legacy.Write(snapshot);
    }

    [MemberNotNull(nameof(_rows), nameof(_nodeRows), nameof(_legacy))]
    private void MakeRows()
    {
        _rows = new CounterRows(PacketLossTables.Drops, Tags);
        _nodeRows = new CounterRows(PacketLossTables.Unattributed, Tags);
        _legacy = new CounterRows(PacketLossTables.Legacy, static (_, _) => []);
    }

    private void ReadEntries(IEventSink events)
    {
        _reader.Read();
        Span<long> sums = stackalloc long[Unsafe.SizeOf<PacketLossValue>() / sizeof(long)];
        for (var i = 0; i < _reader.Count; i++)
        {
            PerCpu.Sum(_reader.Entry(i), sums);
            ref readonly var value = ref MemoryMarshal.AsRef<PacketLossValue>(MemoryMarshal.AsBytes(sums));
            Take(_reader.Keys[i], _map, value.Drops, value.Limiter.Held, events);
        }
    }

    private void ReadOverflow()
    {
        _overflowReader.Read();
        Span<long> sum = stackalloc long[1];
        for (var i = 0; i < _overflowReader.Count; i++)
        {
            PerCpu.Sum(_overflowReader.Entry(i), sum);
            Take(_overflowReader.Keys[i], _overflow, sum[0], 0, NoEvents.Instance);
        }
    }

    private void ReadUnattributed()
    {
        Span<long> sum = stackalloc long[1];
        for (var index = 0u; index < _unattributed.MaxEntries; index++)
        {
            if (!_unattributed.TryLookup(index, _families))
                continue;
            PerCpu.Sum(_families, sum);
            if (sum[0] > 0)
                _nodeRows.Counters(ns: null, Label(_reasons.Name(DropReasons.Other)), index * 2, _since)[0] += sum[0];
        }
    }

    private void Take(in PacketLossKey key, BpfMap map, long drops, long held, IEventSink events)
    {
        if (!_entries.TryGetValue(key, out var entry))
            _entries.Add(key, entry = Meet(key));
        if (entry.Ignored)
        {
            if (key.Location != 0 && _places.IsIgnored(entry.Place, key.Reason))
                _places.Mute(key.Location, key.Reason);
            Delete(key, map);
            return;
        }
        if (held > entry.Held)
            events.HeldBack(PacketLoss.KeyOf(key.Netns, key.Reason, key.Location), held - entry.Held);
        entry.Held = held;
        var changed = drops != entry.Drops;
        entry.Drops = drops;
        switch (_owners.Note(entry.Owner, changed))
        {
            case DropOwnerState.Expired:
                Delete(key, map);
                return;
            case DropOwnerState.Dead:
                // These are its last figures.
                Delete(key, map);
                break;
        }
        Add(key, entry, drops);
    }

    private void Add(in PacketLossKey key, Entry entry, long drops)
    {
        if (entry.Owner is not { } owner)
        {
            _nodeRows.Counters(ns: null, entry.Label, key.Family, _since)[0] += drops;
            return;
        }
        _rows.Counters(owner.Namespace, entry.Label, key.Family, _since)[0] += drops;
        if (key.Family == 0)
            return;
        var legacy = _legacy.Counters(owner.Namespace, 0, 0, _since);
        legacy[0] += drops;
        legacy[entry.LegacyColumn] += drops;
    }

    private Entry Meet(in PacketLossKey key)
    {
        var place = key.Location == 0 ? new DropPlace("", "") : _places.Of(key.Location);
        var reason = key.Reason == 0 ? place.Function : _reasons.Name(key.Reason);
        return new Entry(_owners.Find(key.Netns, key.NetnsCookie), place, Label(reason.Length > 0 ? reason : "_other"),
            PacketLossTables.LegacyColumn(place, reason))
        {
            Ignored = IsIgnored(key, place),
        };
    }

    private bool IsIgnored(in PacketLossKey key, DropPlace place) => _places.IsIgnored(place, key.Reason)
        || (key.Reason < DropActions.Length && _actions[(int)key.Reason] == (byte)DropAction.Ignore);

    private void Delete(in PacketLossKey key, BpfMap map)
    {
        map.Delete(key);
        _entries.Remove(key);
    }

    private void Forget(Subject ns)
    {
        _rows.Drop(ns);
        _legacy.Drop(ns);
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

    private TagValue[] Tags(long label, long family) =>
        [_labelTexts[(int)label], family switch { 4 => "ipv4", 6 => "ipv6", _ => "other" }];

    private sealed class Entry(DropOwner? owner, DropPlace place, int label, int legacyColumn)
    {
        public DropOwner? Owner => owner;
        public DropPlace Place => place;
        public int Label => label;
        public int LegacyColumn => legacyColumn;
        public bool Ignored;
        public long Drops;
        public long Held;
    }
}
