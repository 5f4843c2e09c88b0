using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Snapshots;

/// <summary>
/// Takes the rows of one collection and publishes them whole. Belongs to the collection thread. One per agent; it lives
/// as long as the collection does.
/// </summary>
public sealed class SnapshotBuilder(SnapshotStore store, TimeProvider time)
{
    /// <summary>Reason of a read that gave a counter of more than 63 bits.</summary>
    public const string TooLarge = "over_63_bits";

    private static readonly Action<string, string> Ignore = static (_, _) => { };
    private Snapshot? _building;
    private Snapshot? _previous;
    private readonly List<SnapshotTable> _touched = [];
    private string _probe = "";
    private HashSet<Metric> _zeros = [];

    /// <summary>Called with (probe id, reason) for each read that failed.</summary>
    public Action<string, string> OnReadFailed { get; set; } = Ignore;

    /// <summary>
    /// The tables that are made of a table, each collection anew, when it has rows. Asked for every table of every
    /// collection: it must not allocate.
    /// </summary>
    public Func<TableInfo, IReadOnlyList<DerivedTable>> Derive { get; init; } = static _ => [];

    /// <summary>
    /// True: cells of counters and levels that were 0 ever since their row began are absent (not the agent's own).
    /// </summary>
    public bool DropZeros
    {
        get;
        set
        {
            field = value;
            if (!value)
                Volatile.Write(ref _zeros, []);
        }
    }

    /// <summary>
    /// Metrics of which <see cref="DropZeros"/> has left out a 0: in a row that is there their absent cells stand for
    /// it. Those of other metrics the kernel does not give. From any thread; never changed, but replaced.
    /// </summary>
    public IReadOnlySet<Metric> ZerosLeftOut => Volatile.Read(ref _zeros);

    /// <summary>Number of the collection under way, from 1.</summary>
    public long Tick { get; private set; }

    /// <summary>Start of the collection under way, Unix nanoseconds.</summary>
    public long Time { get; private set; }

    /// <summary>The same by a clock that nobody sets, as <see cref="MomentOf"/> gives it.</summary>
    public long Moment { get; private set; }

    /// <summary>Start of the collection before, never later than <see cref="Time"/>; 0 in the first.</summary>
    public long PreviousTime { get; private set; }

    /// <inheritdoc cref="SnapshotStore.LongestPause"/>
    internal TimeSpan LongestPause => store.LongestPause;

    /// <summary>Opens the next collection.</summary>
    public void Begin() => Begin(Tick + 1, UnixNanoseconds(time.GetUtcNow()), MomentOf(time));

    /// <summary>Opens a collection of a time that is past.</summary>
    internal void Begin(long tick, long now, long moment)
    {
        Tick = tick;
        // A clock that was set back: nothing may begin later than the points that tell of it.
        PreviousTime = Math.Min(Time, now);
        Time = now;
        Moment = moment;
        _building = store.Rent();
        _building.Tick = Tick;
        _building.Time = Time;
        _building.Moment = Moment;
    }

    /// <summary>
    /// Opens a look between two collections: its rows are taken with <see cref="MoveTo"/> and never published. Its
    /// number is none of a collection's.
    /// </summary>
    /// <param name="last">Start of the collection before, Unix nanoseconds.</param>
    internal void BeginBetween(long last)
    {
        Tick = Math.Min(Tick, -1) - 1;
        PreviousTime = last;
        Time = last;
        _building ??= store.Rent();
    }

    /// <summary>Takes the rows with their cells.</summary>
    internal void MoveTo(List<KeptRow> rows)
    {
        foreach (var table in _building!.Tables)
        {
            for (var r = 0; r < table.Count; r++)
            {
                var cells = new long[table.Info.Width];
                for (var column = 0; column < cells.Length; column++)
                    cells[column] = table.Column(column)[r];
                rows.Add(new KeptRow(table.Rows[r], cells));
            }
            table.Clear();
        }
        _touched.Clear();
    }

    /// <summary>Names the probe that the following rows and failures belong to.</summary>
    public void Enter(string probeId)
    {
        _probe = probeId;
        _touched.Clear();
    }

    /// <summary>
    /// Takes back the rows appended since <see cref="Enter"/>: a probe broke off, and half its rows would mislead.
    /// </summary>
    public void Discard()
    {
        foreach (var table in _touched)
            table.Clear();
        _touched.Clear();
    }

    /// <summary>
    /// Start time for a subject seen for the first time now: the collection before, at which it was not there, or
    /// <paramref name="atFirst"/> in the first collection.
    /// </summary>
    public long StartTimeOfNew(long atFirst) => PreviousTime == 0 ? atFirst : Math.Max(PreviousTime, atFirst);

    /// <summary>Adds a row with every cell absent.</summary>
    public RowWriter Append(Row row)
    {
        var table = _building!.TableFor(row.Table);
        if (table.Count == 0)
            Touch(table);
        var index = table.Append(row);
        return new RowWriter(table, index);
    }

    private void Touch(SnapshotTable table)
    {
        _touched.Add(table);
        // So that tables stand in the order of their probes.
        var derived = Derive(table.Info);
        for (var i = 0; i < derived.Count; i++)
            _building!.TableFor(derived[i].Table);
    }

    /// <summary>The rows that this collection has of a table so far: those of probes before.</summary>
    public SnapshotTable? Find(TableInfo table) => _building!.Find(table);

    /// <summary>
    /// Reports that something could not be read. <paramref name="reason"/> is a short constant, a label value.
    /// </summary>
    public void ReadFailed(string reason) => OnReadFailed(_probe, reason);

    /// <summary>Checks counters, counts series, then makes the collection the newest snapshot.</summary>
    public Snapshot Publish()
    {
        var snapshot = _building!;
        WriteDerived(snapshot);
        snapshot.Series = 0;
        for (var t = 0; t < snapshot.Tables.Count; t++)
        {
            CheckCounters(snapshot.Tables[t]);
            if (DropZeros && !snapshot.Tables[t].Info.SelfTelemetry)
                DropUncounted(snapshot.Tables[t]);
            snapshot.Series += CountSeries(snapshot.Tables[t]);
        }
        store.Exemplars.Place(snapshot);
        _building = null;
        _previous = snapshot;
        store.Publish(snapshot);
        return snapshot;
    }

    private void WriteDerived(Snapshot snapshot)
    {
        for (var t = 0; t < snapshot.Tables.Count; t++)
        {
            var table = snapshot.Tables[t];
            if (table.Count == 0)
                continue;
            var derived = Derive(table.Info);
            for (var i = 0; i < derived.Count; i++)
                derived[i].Write(table, this);
        }
    }

    /// <summary>A histogram goes as a whole, and a gauge's 0 says as much as its 1.</summary>
    private void DropUncounted(SnapshotTable table)
    {
        for (var m = 0; m < table.Info.Metrics.Count; m++)
        {
            var metric = table.Info.Metrics[m];
            if (metric.Kind is InstrumentKind.Gauge)
                continue;
            var zeros = false;
            for (var r = 0; r < table.Count; r++)
            {
                var counted = false;
                for (var c = metric.Column; c < metric.Column + metric.Width; c++)
                    counted |= table.Column(c)[r] != Metric.Absent && table.Rows[r].HasCounted(c, table.Column(c)[r]);
                for (var c = metric.Column; c < metric.Column + metric.Width && !counted; c++)
                {
                    zeros |= table.Column(c)[r] != Metric.Absent;
                    table.Set(r, c, Metric.Absent);
                }
            }
            if (zeros && !_zeros.Contains(metric))
                Volatile.Write(ref _zeros, [.. _zeros, metric]);
        }
    }

    // A counter of 2^63 and more is a sum caught while it was below zero, or a driver's mistake; no kernel counted that
    // far. It has no place in a column, and it must not vanish without a word.
    private void DropTooLarge(SnapshotTable table, int column)
    {
        var cells = table.Column(column);
        if (!cells.ContainsAnyInRange(Metric.Absent + 1, -1))
            return;
        for (var row = 0; row < cells.Length; row++)
        {
            if (cells[row] is >= 0 or Metric.Absent)
                continue;
            table.Set(row, column, Metric.Absent);
            OnReadFailed(table.Info.Id.Split('.')[0], TooLarge);
        }
    }

    private static long CountSeries(SnapshotTable table)
    {
        var series = 0L;
        for (var m = 0; m < table.Info.Metrics.Count; m++)
        {
            if (table.Info.Metrics[m].Named)
                series += table.Count - table.Column(table.Info.Metrics[m]).Count(Metric.Absent);
        }
        return series;
    }

    private void CheckCounters(SnapshotTable table)
    {
        var before = _previous?.Find(table.Info);
        var fallen = new FallenCounters(table, before ?? table, PreviousTime, Tick);
        // By index: the enumerator of an interface would be allocated for every table.
        var metrics = table.Info.Metrics;
        for (var m = 0; m < metrics.Count; m++)
        {
            var metric = metrics[m];
            if (metric.Kind is not (InstrumentKind.Counter or InstrumentKind.Histogram))
                continue;
            for (var column = metric.Column; column < metric.Column + metric.Width; column++)
            {
                DropTooLarge(table, column);
                if (before is not null)
                    fallen.Mark(column);
            }
        }
        var rows = table.Rows;
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i].Index = i;
            rows[i].Tick = Tick;
        }
    }

    /// <summary>Nanoseconds since some moment: only differences mean something, whatever the time is set to.</summary>
    public static long MomentOf(TimeProvider time) => time.GetElapsedTime(0).Ticks * 100;

    public static long UnixNanoseconds(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).Ticks * 100;
}

/// <summary>Writes the cells of one row.</summary>
public readonly ref struct RowWriter
{
    private readonly SnapshotTable _table;
    private readonly int _row;

    internal RowWriter(SnapshotTable table, int row)
    {
        _table = table;
        _row = row;
    }

    /// <summary>Sets a metric's value, in stored units (see <see cref="Metric.Scale"/>).</summary>
    public void Set(Metric metric, long value) => _table.Set(_row, metric.Column, value);

    /// <summary>Sets a column by number: for probes that map the kernel's columns to theirs once.</summary>
    public void Set(int column, long value) => _table.Set(_row, column, value);

    /// <summary>Sets a histogram: one count per bucket (not cumulative), then the sum in stored units.</summary>
    public void Set(Metric histogram, ReadOnlySpan<long> buckets, long sum)
    {
        if (buckets.Length != histogram.Width - 1)
            throw new ArgumentException($"{histogram} has {histogram.Width - 1} buckets", nameof(buckets));
        for (var i = 0; i < buckets.Length; i++)
            _table.Set(_row, histogram.Column + i, buckets[i]);
        _table.Set(_row, histogram.Column + buckets.Length, sum);
    }
}
