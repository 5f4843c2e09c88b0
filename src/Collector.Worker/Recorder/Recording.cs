using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Recorder;

/// <summary>One value of a series.</summary>
/// <param name="Time">Unix nanoseconds of the collection.</param>
/// <param name="Moment">The same by a clock that nobody sets.</param>
/// <param name="Value">As stored; <see cref="Metric.Absent"/> where the collection had none.</param>
public readonly record struct RecordedValue(long Time, long Moment, long Value);

/// <summary>When a collection was.</summary>
/// <param name="Time">Unix nanoseconds.</param>
/// <param name="Moment">The same by a clock that nobody sets.</param>
public readonly record struct RecordedTime(long Time, long Moment);

/// <summary>
/// Collections at rest, of the running agent's memory or of a file. Any number of readers, each with a cursor or a
/// replay of its own.
/// </summary>
public sealed class Recording : IDisposable
{
    private readonly Action? _release;
    private IReadOnlyList<RecordedTime>? _times;
    private int _disposed;

    /// <param name="tables">By the numbers that records call them by.</param>
    /// <param name="parts">Records, the oldest part first.</param>
    /// <param name="newest">What the newest record is to be applied to.</param>
    /// <param name="oldest">Moment of the oldest collection that is asked for.</param>
    /// <param name="release">Ends the hold on it all.</param>
    internal Recording(
        IReadOnlyList<RecordedTable> tables, IReadOnlyList<RecordedPart> parts, Snapshot newest, long oldest,
        Action? release = null)
    {
        (Tables, Parts, Newest, Oldest, _release) = (tables, parts, newest, oldest, release);
    }

    internal IReadOnlyList<RecordedTable> Tables { get; }

    internal IReadOnlyList<RecordedPart> Parts { get; }

    internal long Oldest { get; }

    /// <summary>The newest collection.</summary>
    public Snapshot Newest { get; }

    /// <summary>When each collection was, the oldest first.</summary>
    public IReadOnlyList<RecordedTime> Times => _times ??=
    [
        .. Parts.SelectMany(p => p.Places.Take(p.Count)).Where(r => r.Moment >= Oldest)
            .Select(r => new RecordedTime(r.Time, r.Moment)),
        new(Newest.Time, Newest.Moment),
    ];

    /// <summary>Place of the last collection whose time is not later; -1 where all are.</summary>
    /// <param name="time">Unix nanoseconds. Of a clock that was set back it may have come twice.</param>
    public int IndexAt(long time)
    {
        var index = Times.Count - 1;
        while (index >= 0 && Times[index].Time > time)
            index--;
        return index;
    }

    /// <summary>From the newest collection back.</summary>
    /// <param name="only">The one table that is wanted, which takes a fraction; null: all of them.</param>
    public RecordingCursor Begin(TableInfo? only = null) => new(this, only);

    /// <summary>The same from the oldest on, as they were published.</summary>
    public Replay Replay() => new(this);

    /// <summary>
    /// The values of a row's metric (of a histogram: of its first bucket), the newest first, back to a moment.
    /// </summary>
    /// <param name="metric">Which.</param>
    /// <param name="row">Whose.</param>
    /// <param name="since">Of the oldest collection that is wanted, as <see cref="Snapshot.Moment"/>.</param>
    public IEnumerable<RecordedValue> Series(Metric metric, Row row, long since)
    {
        // By the row's table: with include: all it is a wider one, with the same columns.
        var cursor = Begin(row.Table);
        var place = 0;
        do
        {
            if (cursor.Frame.Moment < since)
                yield break;
            yield return new(cursor.Frame.Time, cursor.Frame.Moment, ValueIn(cursor.Frame.Find(row.Table)));
        }
        while (cursor.Back());

        long ValueIn(SnapshotTable? table)
        {
            // As a rule it stands where it stood.
            if (table is null || table.Count == 0)
                return Metric.Absent;
            if (place < 0 || place >= table.Count || !ReferenceEquals(table.Rows[place], row))
                place = IndexIn(table.Rows);
            return place < 0 ? Metric.Absent : table.Column(metric)[place];
        }

        int IndexIn(ReadOnlySpan<Row> rows)
        {
            var index = rows.Length - 1;
            while (index >= 0 && !ReferenceEquals(rows[index], row))
                index--;
            return index;
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _release?.Invoke();
    }
}

/// <summary>A place in a recording, and the collection there. Belongs to one thread.</summary>
public sealed class RecordingCursor
{
    private readonly Recording _recording;
    private readonly TableInfo? _only;
    private int _part;
    private int _record;

    internal RecordingCursor(Recording recording, TableInfo? only)
    {
        (_recording, _only) = (recording, only);
        CopyTo(Frame, recording.Newest);
        _part = recording.Parts.Count - 1;
        _record = _part < 0 ? -1 : recording.Parts[_part].Count - 1;
    }

    /// <summary>The collection; changed by the next step.</summary>
    public Snapshot Frame { get; } = new();

    /// <summary>Steps to the collection before.</summary>
    /// <returns>False where there is none.</returns>
    /// <exception cref="InvalidDataException">The file it is of is broken there.</exception>
    public bool Back()
    {
        while (_part >= 0 && _record < 0)
        {
            if (--_part >= 0)
                _record = _recording.Parts[_part].Count - 1;
        }
        if (_part < 0)
            return false;
        var part = _recording.Parts[_part];
        var place = part.Places[_record];
        if (place.Moment < _recording.Oldest)
            return false;
        _record--;
        FrameReader.Apply(Frame, part.Bytes.AsSpan(place.Start, place.Length),
            part.Rows.AsSpan(place.FirstRow, place.Rows), _recording.Tables, _only);
        return true;
    }

    /// <summary>Steps back until the time of the collection is not later.</summary>
    /// <param name="time">Unix nanoseconds.</param>
    /// <returns>False where all are later: it is at the oldest.</returns>
    public bool BackTo(long time)
    {
        while (Frame.Time > time)
        {
            if (!Back())
                return false;
        }
        return true;
    }

    private void CopyTo(Snapshot copy, Snapshot snapshot)
    {
        (copy.Tick, copy.Time, copy.Moment, copy.Series) =
            (snapshot.Tick, snapshot.Time, snapshot.Moment, snapshot.Series);
        foreach (var table in snapshot.Tables)
        {
            if (_only is not null && table.Info != _only)
                continue;
            var its = copy.Renew(table.Info);
            foreach (var row in table.Rows)
                its.Append(row);
            for (var column = 0; column < table.Info.Width; column++)
                table.Column(column).CopyTo(its.Cells(column));
        }
    }
}
