using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>A key of a kernel map that names a network namespace.</summary>
internal interface INamespaceKey
{
    /// <summary>Its inode; 0 where the kernel could not tell.</summary>
    uint Netns { get; }

    /// <summary>Low half of its cookie; 0 where the kernel has none.</summary>
    uint NetnsCookie { get; }

    /// <summary>Any user of the node can make such namespaces: they share a part of the map.</summary>
    bool Rootless { get; }
}

/// <summary>A value of such a map. In per-CPU maps it is all 64-bit counters, which are added up.</summary>
internal interface ICounterValue
{
    /// <summary>What it counts: it moves while something happens in the namespace.</summary>
    long Counted { get; }

    /// <summary>Events that the kernel side held back, ever.</summary>
    long Held { get; }
}

/// <summary>What a probe does with an entry of its map.</summary>
internal delegate void EntryAction<TKey, TValue, in TRow>(in TKey key, in TValue value, TRow row);

/// <summary>
/// One map whose keys name network namespaces, from entries to rows: whose they are, what the kernel side held back,
/// and when an entry is of no use any more. All probes have the same rules: an entry of a namespace that died is
/// counted once more and deleted; one of a stranger stays until nothing has happened for long, room is scarce, or its
/// number has another owner, and what it counted is kept; a stranger that is found later gets rows of its own name.
/// </summary>
/// <typeparam name="TRow">What the probe keeps for an entry.</typeparam>
/// <param name="map">The map.</param>
/// <param name="namespaces">Whose the keys are; shared by the maps of a probe.</param>
/// <param name="room">What namespaces that any user can make have of it; null where they cannot fill it.</param>
internal sealed class NamespaceCounters<TKey, TValue, TRow>(
    BpfMap map, CountedNamespaces namespaces, SharedRoom? room = null)
    where TKey : unmanaged, INamespaceKey
    where TValue : unmanaged, ICounterValue
    where TRow : class
{
    private readonly BpfMapReader<TKey, TValue> _reader = new(map);
    private readonly Dictionary<TKey, Entry> _entries = [];
    private readonly KeptCounters<TKey, TValue, TRow> _kept = new(namespaces);

    /// <summary>
    /// Makes what is kept for an entry, when it is met and when its namespace is found later. Null: the entry is not
    /// wanted, and deleted.
    /// </summary>
    public required Func<TKey, Subject?, TRow?> Meet { get; init; }

    /// <summary>Counts an entry, once per collection.</summary>
    public required EntryAction<TKey, TValue, TRow> Add { get; init; }

    /// <summary>
    /// The entry goes; it was counted a last time unless its namespace has expired. Null: what an expired one counted
    /// is kept, in the row of its number or of <see cref="CountedNamespaces.Past"/>.
    /// </summary>
    public Action<TValue, CountedState>? Leave { get; init; }

    /// <summary>What its events are limited by; null, also as an answer: there are none.</summary>
    public Func<TKey, EventKey?>? EventKey { get; init; }

    /// <summary>Three quarters were in use at the last reading, or of the part that is shared.</summary>
    public bool Scarce => _reader.Count > map.MaxEntries * 3 / 4 || room?.IsScarce == true;

    /// <summary>Meets every entry anew at the next collection; counters go on.</summary>
    public void Review()
    {
        foreach (var entry in _entries.Values)
            entry.Row = null;
        _kept.Move(Meet, all: true);
    }

    /// <summary>Takes what the map has now.</summary>
    /// <param name="snapshot">Told when the kernel refuses.</param>
    /// <param name="events">Gets what the kernel side held back.</param>
    /// <returns>False: nothing was counted, and no rows are to be written.</returns>
    public bool TryRead(SnapshotBuilder snapshot, IEventSink events)
    {
        try
        {
            _reader.Read();
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return false;
        }
        _kept.Move(Meet, all: false);
        room?.Begin();
        Span<TValue> value = stackalloc TValue[1];
        for (var i = 0; i < _reader.Count; i++)
        {
            if (map.PerCpu)
                PerCpu.Sum(_reader.Entry(i), MemoryMarshal.Cast<TValue, long>(value));
            else
                value[0] = _reader.Value(i);
            Take(_reader.Keys[i], value[0], events);
        }
        _kept.AddTo(Add);
        room?.End(snapshot);
        return true;
    }

    private void Take(in TKey key, in TValue value, IEventSink events)
    {
        if (key.Rootless)
            room?.Meet();
        if (!_entries.TryGetValue(key, out var entry))
            _entries.Add(key, entry = new Entry(namespaces.Find(key.Netns, key.NetnsCookie)));
        var state = namespaces.Note(entry.Owner, value.Counted != entry.Counted);
        entry.Counted = value.Counted;
        if (RowOf(key, entry) is not { } row)
        {
            Delete(key);
            return;
        }
        if (value.Held > entry.Held && EventKey?.Invoke(key) is { } its)
            events.HeldBack(its with { Rootless = key.Rootless }, value.Held - entry.Held);
        entry.Held = value.Held;
        if (state != CountedState.Expired)
            Add(key, value, row);
        else if (Leave is null)
            _kept.Keep(key, value, row, entry.Namespace!);
        if (state == CountedState.Alive)
            return;
        Delete(key);
        Leave?.Invoke(value, state);
    }

    private TRow? RowOf(in TKey key, Entry entry)
    {
        var ns = entry.Owner?.Namespace;
        if (entry.Owner is { State: CountedState.Expired })
            ns = namespaces.KeeperOf(ns!);
        if (entry.Row is null || !ReferenceEquals(entry.Namespace, ns))
        {
            entry.Row = Meet(key, ns);
            entry.Namespace = ns;
        }
        return entry.Row;
    }

    private void Delete(in TKey key)
    {
        if (map.Delete(key) && key.Rootless)
            room?.Return();
        _entries.Remove(key);
    }

    private sealed class Entry(CountedNamespace? owner)
    {
        public CountedNamespace? Owner => owner;

        /// <summary>The one that the row is of.</summary>
        public Subject? Namespace { get; set; }

        public TRow? Row { get; set; }

        public long Counted { get; set; }

        public long Held { get; set; }
    }
}
