using Collector.Core.Events;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// A queue of events on disk, bounded by size and age, which a kill at any moment leaves readable: segments that are
/// only appended to, and a cursor. Not thread-safe.
/// </summary>
/// <remarks>
/// Every record has a number without gaps, so that whatever is missing is counted exactly. A folder has one owner at a
/// time, by a lock that goes with the process.
/// </remarks>
internal sealed class SpoolFolder : IDisposable
{
    /// <summary>Losing the oldest loses so much of the whole.</summary>
    private const int Segments = 16;

    private readonly ProtoBuffer _buffer = new(64 * 1024);
    private readonly string _folder;
    private readonly SpoolSettings _settings;
    private readonly SpoolFigures _figures;
    private readonly TimeProvider _time;
    private readonly FileStream _lock;
    private readonly SpoolWriter _writer;
    private readonly List<Segment> _segments;
    private SpoolPlace _head;
    private ulong _next;
    private SpoolBatch? _sending;
    private bool _orphaned;

    /// <exception cref="IOException">The folder is no use, or another agent has it.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for want of a right.</exception>
    public SpoolFolder(string folder, SpoolSettings settings, SpoolFigures figures, TimeProvider time)
    {
        (_folder, _settings, _figures, _time) = (folder, settings, figures, time);
        _writer = new(time);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(
                folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _lock = new(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        try
        {
            (_segments, _head, _next) = SpoolOpening.Open(folder, figures);
            TellSize();
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    public bool IsEmpty => _head.Number == _next;

    private ulong EndOfFirst => _segments.Count > 1 ? _segments[1].First : _next;

    /// <summary>Puts events behind the others: all of them or, with an exception, none.</summary>
    public void Append(IEnumerable<NetworkEvent> events)
    {
        _buffer.Clear();
        var number = _next;
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var e in events)
        {
            var start = _buffer.Position;
            _buffer.Take(SpoolRecord.HeaderSize);
            EventCodec.Write(e, _buffer);
            if (_buffer.Position - start > SpoolRecord.LargestPayload)
            {
                _buffer.RewindTo(start);
                _figures.Lose(SpoolLoss.Size, 1);
                continue;
            }
            SpoolRecord.Seal(_buffer.From(start), number++, now);
        }
        if (_buffer.Position == 0)
            return;
        MakeRoom(_buffer.Position);
        if (_writer.Segment is not { } last
            || (last.Length > Segment.HeaderSize && last.Length + _buffer.Position > _settings.Size / Segments))
            Begin();
        _writer.Append(_buffer.Written);
        _next = number;
        TellSize();
    }

    /// <summary>The oldest events, which stay until they are settled.</summary>
    public SpoolBatch Read(int most)
    {
        var batch = _sending = new SpoolBatch(_head with { Aged = 0, Corrupt = 0 });
        var oldest = (_time.GetUtcNow() - _settings.Age).ToUnixTimeMilliseconds();
        try
        {
            using var reader = new SegmentReader(_segments[0], _head.Offset);
            if (_head.Offset == Segment.HeaderSize && !_segments[0].IsOurs())
                EndOfSegment(batch);
            while (batch.Count < most && batch.End.Number < EndOfFirst)
            {
                if (!reader.Next(batch.End.Number, EndOfFirst, out var record, out var payload))
                {
                    EndOfSegment(batch);
                    break;
                }
                var end = batch.End;
                var missing = (long)(record.Number - end.Number);
                batch.End = new(record.Number + 1, reader.Offset, end.Aged, end.Corrupt + missing);
                if (record.Time < oldest)
                    batch.End = batch.End with { Aged = end.Aged + 1 };
                else if (EventCodec.Read(payload) is { } e)
                    batch.Add(e);
                else
                    batch.End = batch.End with { Corrupt = batch.End.Corrupt + 1 };
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            EndOfSegment(batch); // Taken away, or a disk that cannot be read: it will not be better the next time.
        }
        return batch;
    }

    /// <summary>Lets the first so many events of a batch go, with what was lost between them.</summary>
    public void Settle(SpoolBatch batch, int events)
    {
        _sending = null;
        var place = _orphaned ? batch.End : batch.After(events);
        _figures.Lose(SpoolLoss.Age, place.Aged);
        _figures.Lose(SpoolLoss.Corrupt, place.Corrupt);
        if (_orphaned)
        {
            // Its segment had to go meanwhile.
            _figures.Lose(SpoolLoss.Size, batch.Count - events);
            _orphaned = false;
            return;
        }
        if (place.Number == _head.Number)
            return;
        _head = place;
        if (IsEmpty)
            Clear();
        else
            Forward();
        TellSize();
    }

    /// <summary>Has the disk take what it has not yet.</summary>
    public void Sync() => _writer.Sync();

    public void Dispose()
    {
        _writer.Dispose();
        _lock.Dispose();
    }

    private void EndOfSegment(SpoolBatch batch)
    {
        var missing = (long)(EndOfFirst - batch.End.Number);
        batch.End = new(EndOfFirst, _segments[0].Length, batch.End.Aged, batch.End.Corrupt + missing);
    }

    private void Begin()
    {
        var segment = _writer.Begin(_folder, _next);
        _segments.Add(segment);
        if (_segments.Count == 1)
            _head = new(_next, Segment.HeaderSize);
    }

    private void MakeRoom(int size)
    {
        while (_segments.Count > 0 && _segments.Sum(s => s.Length) + size > _settings.Size)
        {
            var end = EndOfFirst;
            var from = _sending is not null && !_orphaned ? Math.Max(_head.Number, _sending.End.Number) : _head.Number;
            _figures.Lose(SpoolLoss.Size, (long)(end - Math.Min(end, from)));
            _orphaned |= _sending is not null;
            _head = new(end, Segment.HeaderSize);
            Delete(_segments[0]);
        }
    }

    /// <summary>Says how far it has come; a segment that is behind goes.</summary>
    private void Forward()
    {
        while (_segments.Count > 1 && _head.Number >= _segments[1].First)
        {
            _head = _head with { Offset = Segment.HeaderSize };
            Delete(_segments[0]);
        }
        Try(() => new SpoolCursor(_segments[0].First, _head.Offset, _head.Number).Write(_folder));
    }

    // The cursor last: without it, segments are delivered from their beginning.
    private void Clear()
    {
        while (_segments.Count > 0)
            Delete(_segments[0]);
        Try(() => SpoolCursor.Delete(_folder));
    }

    private void Delete(Segment segment)
    {
        if (_writer.Segment == segment)
            _writer.Dispose();
        _segments.Remove(segment);
        Try(() => File.Delete(segment.Path));
    }

    // Left undone, it may deliver events twice after a restart, and loses none.
    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _figures.Fail();
        }
    }

    private void TellSize() => _figures.Bytes = _segments.Sum(s => s.Length);
}
