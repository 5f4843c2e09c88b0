using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>
/// Two collections and what happened between them. Belongs to the collection thread and is used again for each window.
/// </summary>
public sealed class NodeWindow
{
    private readonly Dictionary<string, List<SnapshotTable>> _now = [];
    private readonly Dictionary<string, List<SnapshotTable>> _before = [];
    private readonly Dictionary<SnapshotTable, Dictionary<Row, int>> _places = [];
    private readonly Dictionary<EventInfo, List<NetworkEvent>> _events = [];
    private readonly List<NetworkEvent> _recent = [];
    private Snapshot? _at;
    private Snapshot? _from;

    /// <summary>Length of the window by a clock that nobody sets.</summary>
    public double Seconds { get; private set; }

    /// <summary>Begin and end, Unix nanoseconds.</summary>
    public long Begin { get; private set; }

    /// <inheritdoc cref="Begin"/>
    public long End { get; private set; }

    /// <summary>What was counted from this moment on is growth also where a row is new, Unix nanoseconds.</summary>
    internal long WatchedSince { get; set; }

    /// <summary>All events of the window, oldest first.</summary>
    public IReadOnlyList<NetworkEvent> Events => _recent;

    internal void Open(Snapshot from, Snapshot at, List<NetworkEvent> events)
    {
        (_from, _at) = (from, at);
        Seconds = Math.Max(1e-3, (at.Moment - from.Moment) / 1e9);
        (Begin, End) = (from.Time, at.Time);
        Fill(_now, at);
        Fill(_before, from);
        foreach (var (_, places) in _places)
            places.Clear();
        _recent.Clear();
        _recent.AddRange(events);
        foreach (var (_, list) in _events)
            list.Clear();
        foreach (var e in events)
        {
            if (!_events.TryGetValue(e.Info, out var list))
                _events.Add(e.Info, list = []);
            list.Add(e);
        }
    }

    // A buffer may be built anew for a later collection: nothing of it is kept beyond.
    internal void Close()
    {
        (_from, _at) = (null, null);
        _places.Clear();
        foreach (var (_, tables) in _now)
            tables.Clear();
        foreach (var (_, tables) in _before)
            tables.Clear();
    }

    private static void Fill(Dictionary<string, List<SnapshotTable>> byId, Snapshot snapshot)
    {
        foreach (var (_, tables) in byId)
            tables.Clear();
        for (var i = 0; i < snapshot.Tables.Count; i++)
        {
            var table = snapshot.Tables[i];
            if (table.Count == 0)
                continue;
            ref var tables = ref CollectionsMarshal.GetValueRefOrAddDefault(byId, table.Info.Id, out _);
            (tables ??= []).Add(table);
        }
    }

    /// <summary>
    /// The tables of this collection that have a metric: a probe that exports everything writes into a wider one, in
    /// which known columns keep their numbers.
    /// </summary>
    internal ReadOnlySpan<SnapshotTable> TablesOf(Metric metric) => CollectionsMarshal.AsSpan(
        _now.GetValueOrDefault(metric.Table.Id));

    /// <summary>Events of a kind.</summary>
    public IReadOnlyList<NetworkEvent> EventsOf(EventInfo info) => _events.GetValueOrDefault(info) ?? [];

    /// <summary>
    /// Growth of a cell since the collection before; null where it cannot be told. A counter that fell began anew.
    /// </summary>
    internal long? Growth(SnapshotTable table, int row, int column)
    {
        var now = table.Column(column)[row];
        if (now == Metric.Absent)
            return null;
        var identity = table.Rows[row];
        if (ValueBefore(identity, row, column) is not { } before)
            return identity.StartTimeOf(column) >= WatchedSince ? now : null;
        return now >= before ? now - before : now;
    }

    private long? ValueBefore(Row row, int index, int column)
    {
        if (!_before.TryGetValue(row.Table.Id, out var tables))
            return null;
        foreach (var table in tables)
        {
            if (PlaceOf(row, index, table) is not (>= 0 and var place))
                continue;
            // A cell of a row that was there: it was 0, and zeros are left out.
            return Math.Max(0, table.Column(column)[place]);
        }
        return null;
    }

    // As a rule every row stands where it stood.
    private int PlaceOf(Row row, int index, SnapshotTable table)
    {
        if (table.Info != row.Table)
            return -1;
        if (index < table.Count && table.Rows[index] == row)
            return index;
        if (!_places.TryGetValue(table, out var places))
            _places.Add(table, places = []);
        if (places.Count == 0)
        {
            for (var i = 0; i < table.Count; i++)
                places.TryAdd(table.Rows[i], i);
        }
        return places.GetValueOrDefault(row, -1);
    }

    /// <summary>Finds the subjects that a trigger points at.</summary>
    internal void Awaken(FindingTrigger trigger, HashSet<Subject> subjects, ref bool node)
    {
        if (trigger.Event is { } info)
        {
            foreach (var e in EventsOf(info))
                Add(SubjectOf(e), subjects, ref node);
            return;
        }
        foreach (var table in TablesOf(trigger.Metric!))
        {
            if (trigger.OfLevel)
                AwakenByLevel(table, trigger, subjects, ref node);
            else
                AwakenByGrowth(table, trigger, subjects, ref node);
        }
    }

    private static void AwakenByLevel(
        SnapshotTable table, FindingTrigger trigger, HashSet<Subject> subjects, ref bool node)
    {
        var levels = table.Column(trigger.Metric!.Column);
        var limits = trigger.Limit is { } limit ? table.Column(limit.Column) : [];
        for (var row = 0; row < levels.Length; row++)
        {
            if (levels[row] == Metric.Absent || (limits.Length > 0 && limits[row] is Metric.Absent or 0))
                continue;
            // As doubles: parts of a thousand of a large one have no place in a long.
            if (limits.Length > 0 ? levels[row] * 1000.0 >= (double)limits[row] * trigger.Least : levels[row] >= trigger.Least)
                Add(table.Rows[row].Subject, subjects, ref node);
        }
    }

    private void AwakenByGrowth(SnapshotTable table, FindingTrigger trigger, HashSet<Subject> subjects, ref bool node)
    {
        var column = trigger.Metric!.Column;
        if (Same(table) is { } before && table.Column(column).SequenceEqual(before.Column(column)))
            return;
        for (var row = 0; row < table.Count; row++)
        {
            if (Growth(table, row, column) >= trigger.Least)
                Add(table.Rows[row].Subject, subjects, ref node);
        }
    }

    // The same table of the collection before, where it has as many rows and these are the same.
    private SnapshotTable? Same(SnapshotTable table)
    {
        if (!_before.TryGetValue(table.Info.Id, out var tables))
            return null;
        foreach (var before in tables)
        {
            if (before.Info == table.Info && before.Rows.SequenceEqual(table.Rows))
                return before;
        }
        return null;
    }

    private static void Add(Subject? subject, HashSet<Subject> subjects, ref bool node)
    {
        if (subject is null)
            node = true;
        else
            subjects.Add(subject);
    }

    /// <summary>
    /// The subject whose figures belong to an event: the one of this collection that has the number, else the event's.
    /// </summary>
    internal Subject? SubjectOf(NetworkEvent e) => e.Subject;
}
