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
    /// <summary>Events that are looked through sooner than an index is made.</summary>
    private const int Few = 64;

    private readonly PastSnapshot _now = new();
    private readonly PastSnapshot _before = new();
    private readonly PastSnapshot _usual = new();
    private readonly Dictionary<EventInfo, List<NetworkEvent>> _events = [];
    private readonly Dictionary<EventInfo, ILookup<Subject?, NetworkEvent>> _bySubject = [];
    private readonly Dictionary<SnapshotTable, SnapshotTable?> _same = [];

    /// <summary>Length of the window by a clock that nobody sets.</summary>
    public double Seconds { get; private set; }

    /// <summary>Begin and end, Unix nanoseconds.</summary>
    public long Begin { get; private set; }

    /// <inheritdoc cref="Begin"/>
    public long End { get; private set; }

    /// <summary>The begin by a clock that nobody sets.</summary>
    internal long BeginMoment { get; private set; }

    internal long EndMoment { get; private set; }

    /// <summary>What was counted from this moment on is growth also where a row is new, Unix nanoseconds.</summary>
    internal long WatchedSince { get; set; }

    /// <summary>
    /// Says of a column's absent cells, in rows that are there, whether they stand for 0 (collection.zeros); null: none
    /// do.
    /// </summary>
    internal Func<TableInfo, int, bool>? AbsentIsZero { get; init; }

    /// <param name="usual">A collection some minutes before the window; null while there is none.</param>
    /// <param name="from">The collection with which it begins.</param>
    /// <param name="at">The one with which it ends.</param>
    /// <param name="events">What happened in between.</param>
    internal void Open(Snapshot? usual, Snapshot from, Snapshot at, List<NetworkEvent> events)
    {
        Seconds = Math.Max(1e-3, (at.Moment - from.Moment) / 1e9);
        (Begin, End, BeginMoment, EndMoment) = (from.Time, at.Time, from.Moment, at.Moment);
        if (usual is not null)
            _usual.Open(usual);
        _before.Open(from);
        _now.Open(at);
        foreach (var (_, list) in _events)
            list.Clear();
        _bySubject.Clear();
        foreach (var e in events)
        {
            if (!_events.TryGetValue(e.Info, out var list))
                _events.Add(e.Info, list = []);
            list.Add(e);
        }
    }

    internal void Close()
    {
        _usual.Close();
        _before.Close();
        _now.Close();
        _same.Clear();
    }

    /// <summary>
    /// The tables of this collection that have a metric: a probe that exports everything writes into a wider one, in
    /// which known columns keep their numbers.
    /// </summary>
    internal ReadOnlySpan<SnapshotTable> TablesOf(Metric metric) => _now.TablesOf(metric.Table.Id);

    /// <summary>The rows of a subject in a table of this collection.</summary>
    internal SubjectRows RowsOf(SnapshotTable table, Subject? subject) => _now.RowsOf(table, subject);

    /// <summary>What happened before the window and is kept.</summary>
    internal EarlierEvents Earlier { get; init; } = new();

    /// <summary>Events of a kind.</summary>
    public IReadOnlyList<NetworkEvent> EventsOf(EventInfo info) => _events.GetValueOrDefault(info) ?? [];

    /// <summary>Those of a subject, oldest first; null: of nobody.</summary>
    internal IEnumerable<NetworkEvent> EventsOf(EventInfo info, Subject? subject)
    {
        var all = EventsOf(info);
        if (all.Count <= Few)
            return all.Where(e => e.Subject == subject);
        // Rules ask for each subject that something points at.
        if (!_bySubject.TryGetValue(info, out var events))
            _bySubject.Add(info, events = all.ToLookup(static e => e.Subject));
        return events[subject];
    }

    /// <summary>
    /// Growth of a cell since the collection before; null where it cannot be told. A counter that fell began anew.
    /// </summary>
    internal long? Growth(SnapshotTable table, int row, int column)
    {
        if (Level(table, row, column) is not { } now)
            return null;
        var identity = table.Rows[row];
        if (_before.ValueOf(identity, row, column) is not { } before)
            return IsNew(identity, column) ? now : null;
        return now >= before ? now - before : now;
    }

    /// <summary>What a cell holds; null where it is absent.</summary>
    internal long? Level(SnapshotTable table, int row, int column) =>
        table.Column(column)[row] is var value && value != Metric.Absent ? value
            : AbsentIsZero?.Invoke(table.Info, column) == true ? 0
            : null;

    // What it has counted since its start is growth where that is in the window. The one row that a subject has in a
    // table is there from its birth, or could not be read; one of several may begin with its first count.
    private bool IsNew(Row row, int column) => row.StartTimeOf(column) >= Begin
        || (row.StartTimeOf(column) >= WatchedSince && row.Table.RowTags.Count > 0);

    /// <summary>
    /// By how much a cell grew per second in the minutes before the window; null where that is not known.
    /// </summary>
    internal double? UsualRate(SnapshotTable table, int row, int column)
    {
        var identity = table.Rows[row];
        if (!_usual.IsOpen || _usual.ValueOf(identity, row, column) is not { } then
            || _before.ValueOf(identity, row, column) is not { } before || before < then)
            return null;
        return (before - then) / ((_before.Moment - _usual.Moment) / 1e9);
    }

    /// <summary>What a cell held at the begin, 0 where it was absent; null where its row was not there.</summary>
    internal long? Held(SnapshotTable table, int row, int column) =>
        _before.ValueOf(table.Rows[row], row, column);

    /// <summary>What a cell held at the begin; null where it was absent, or its row was not there.</summary>
    internal long? LevelBefore(SnapshotTable table, int row, int column) =>
        AbsentIsZero?.Invoke(table.Info, column) == true
            ? _before.ValueOf(table.Rows[row], row, column)
            : _before.LevelOf(table.Rows[row], row, column);

    /// <summary>
    /// True where no figure that triggers look at is of a subject, neither at the begin nor at the end; false also
    /// where they look at none.
    /// </summary>
    internal bool IsWithout(Subject subject, IReadOnlyList<FindingTrigger> triggers)
    {
        var looked = false;
        // By index: an interface's enumerator is an object.
        for (var i = 0; i < triggers.Count; i++)
        {
            if (triggers[i].Metric is not { } metric)
                continue;
            looked = true;
            if (Has(_now, metric, subject) || Has(_before, metric, subject))
                return false;
        }
        return looked;
    }

    private static bool Has(PastSnapshot snapshot, Metric metric, Subject subject)
    {
        foreach (var table in snapshot.TablesOf(metric.Table.Id))
        {
            if (snapshot.RowsOf(table, subject).Next())
                return true;
        }
        return false;
    }

    /// <summary>Finds the subjects that a trigger points at.</summary>
    internal void Awaken(FindingTrigger trigger, HashSet<Subject> subjects, ref bool node)
    {
        if (trigger.Event is { } info)
        {
            foreach (var e in CollectionsMarshal.AsSpan(_events.GetValueOrDefault(info)))
            {
                if (trigger.Covers(e))
                    Add(e.Subject, subjects, ref node);
            }
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
            var reaches = limits.Length > 0
                ? levels[row] * 1000.0 >= (double)limits[row] * trigger.Least
                : levels[row] >= trigger.Least;
            if (reaches && trigger.Covers(table.Rows[row]))
                Add(table.Rows[row].Subject, subjects, ref node);
        }
    }

    private void AwakenByGrowth(SnapshotTable table, FindingTrigger trigger, HashSet<Subject> subjects, ref bool node)
    {
        var column = trigger.Metric!.Column;
        var now = table.Column(column);
        if (Same(table) is not { } before)
        {
            for (var row = 0; row < now.Length; row++)
            {
                if (Growth(table, row, column) >= trigger.Least && trigger.Covers(table.Rows[row]))
                    Add(table.Rows[row].Subject, subjects, ref node);
            }
            return;
        }
        var then = before.Column(column);
        if (now.SequenceEqual(then))
            return;
        for (var row = 0; row < now.Length; row++)
        {
            if (now[row] == then[row] || now[row] == Metric.Absent)
                continue;
            // What was absent was 0; what fell began anew.
            var growth = now[row] >= then[row] ? now[row] - Math.Max(0, then[row]) : now[row];
            if (growth >= trigger.Least && trigger.Covers(table.Rows[row]))
                Add(table.Rows[row].Subject, subjects, ref node);
        }
    }

    // The same table of the collection before, where it has as many rows and these are the same: looked for once, as
    // many triggers look at a table.
    private SnapshotTable? Same(SnapshotTable table)
    {
        ref var same = ref CollectionsMarshal.GetValueRefOrAddDefault(_same, table, out var known);
        if (!known)
            same = FindSame(table);
        return same;
    }

    private SnapshotTable? FindSame(SnapshotTable table)
    {
        foreach (var before in _before.TablesOf(table.Info.Id))
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
}
