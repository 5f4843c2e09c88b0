using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder;

/// <summary>
/// What the last collections changed, in memory: the newest snapshot, and from each to the one before it what differs.
/// So the oldest can be thrown away at any time. One thread records; readers take what there is and hold nobody up.
/// </summary>
public sealed class History
{
    /// <summary>A record that needed more makes room for less again.</summary>
    private const int UsualRecord = 1 << 20;

    private const int UsualRows = 4096;

    private readonly Lock _lock = new();
    private readonly TableNumbers _tables = new();
    private readonly FrameWriter _writer;
    private readonly List<HistorySegment> _segments = [];
    private readonly List<Row> _rows = [];
    private ProtoBuffer _record = new(4096);
    private HistorySegment? _spare;
    private Snapshot? _newest;
    private RecorderOptions _options;
    private int _records;
    private long _dropped;

    public History(RecorderOptions options)
    {
        _options = options;
        _writer = new(_tables);
    }

    /// <summary>How much is kept from now on.</summary>
    public RecorderOptions Options
    {
        get => Volatile.Read(ref _options);
        set => Volatile.Write(ref _options, value);
    }

    /// <summary>Bytes held beside the newest snapshot, which others hold anyway.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return Cost + (_spare?.Size ?? 0);
        }
    }

    /// <summary>Collections that can be looked at.</summary>
    public int Collections
    {
        get
        {
            lock (_lock)
                return _newest is null ? 0 : _records - Aged() + 1;
        }
    }

    /// <summary>Nanoseconds from the oldest of them to the newest.</summary>
    public long Span
    {
        get
        {
            lock (_lock)
            {
                var aged = Aged();
                return _segments.Count > 0 && aged < _segments[0].Count
                    ? _newest!.Moment - _segments[0].Places[aged].Moment
                    : 0;
            }
        }
    }

    /// <summary>Collections that were thrown away before their time, because there was no room.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    private long Cost
    {
        get
        {
            var cost = 0L;
            for (var i = 0; i < _segments.Count; i++)
                cost += _segments[i].Cost;
            return cost;
        }
    }

    /// <summary>
    /// Takes a snapshot that was just published; on the collection thread. In steady state it allocates nothing.
    /// </summary>
    public void Record(Snapshot snapshot)
    {
        var options = Options;
        var before = _newest;
        if (options.Memory == 0)
        {
            lock (_lock)
                Forget();
            return;
        }
        snapshot.Retain();
        if (before is not null)
            Write(snapshot, before);
        lock (_lock)
        {
            _newest = snapshot;
            if (before is not null)
                Keep(before, snapshot, options);
        }
        before?.Release();
        _rows.Clear();
        if (_rows.Capacity > UsualRows)
            _rows.Capacity = 0;
        if (_record.Position > UsualRecord)
            _record = new(4096);
    }

    /// <summary>
    /// What there is now; null before the first collection. As long as the reader is not disposed of it stays as it is,
    /// and takes memory beyond the bound when new things come.
    /// </summary>
    public Recording? Read()
    {
        lock (_lock)
        {
            if (_newest is null)
                return null;
            var segments = _segments.ToArray();
            foreach (var segment in segments)
                segment.Readers++;
            _newest.Retain();
            var newest = _newest;
            return new Recording(
                _tables.Tables, [.. segments.Select(s => s.Part)], newest, _newest.Moment - SpanOf(Options), () =>
                {
                    newest.Release();
                    lock (_lock)
                    {
                        foreach (var segment in segments)
                            segment.Readers--;
                    }
                });
        }
    }

    // A segment goes as a whole, once all of it is too old.
    private int Aged()
    {
        if (_segments.Count == 0)
            return 0;
        var aged = 0;
        var oldest = _newest!.Moment - SpanOf(Options);
        foreach (var place in _segments[0].Places)
            aged += place.Moment < oldest ? 1 : 0;
        return aged;
    }

    private static long SpanOf(RecorderOptions options) => options.Span.Ticks * 100;

    private void Write(Snapshot snapshot, Snapshot before)
    {
        _record.Clear();
        _writer.Write(snapshot, before, _record, _rows);
    }

    private void Keep(Snapshot before, Snapshot snapshot, RecorderOptions options)
    {
        var oldest = snapshot.Moment - SpanOf(options);
        var length = _record.Position;
        if (_segments.Count == 0 || !_segments[^1].Fits(length))
        {
            var size = Math.Max(HistorySegment.UsualSize, length);
            while (_segments.Count > 0 && Cost + size > options.Memory)
                DropOldest(oldest);
            if (size > options.Memory)
            {
                // It leads to all that is older, and there is no room for it.
                _dropped++;
                return;
            }
            _segments.Add(Take(size));
        }
        _segments[^1].Append(_record.Written, _rows, before.Time, before.Moment);
        _records++;
        while (_segments.Count > 1
            && (Cost > options.Memory || _segments[0].Places[^1].Moment < oldest))
            DropOldest(oldest);
        if (Cost > options.Memory)
            DropOldest(oldest); // One record has more rows than there is room for.
    }

    private HistorySegment Take(int size)
    {
        if (_spare is { } spare && size == spare.Size)
        {
            _spare = null;
            return spare;
        }
        return new(size);
    }

    private void DropOldest(long oldest)
    {
        var segment = _segments[0];
        _segments.RemoveAt(0);
        _records -= segment.Count;
        foreach (var place in segment.Places)
            _dropped += place.Moment >= oldest ? 1 : 0;
        if (segment.Readers > 0 || segment.Size != HistorySegment.UsualSize)
            return;
        segment.Clear();
        _spare = segment;
    }

    private void Forget()
    {
        _newest?.Release();
        _newest = null;
        _segments.Clear();
        _spare = null;
        _records = 0;
    }
}
