using Microsoft.Win32.SafeHandles;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>Steps through the records of a segment, over whatever is broken between them.</summary>
internal sealed class SegmentReader : IDisposable
{
    private const int Window = 256 * 1024;

    private readonly SafeFileHandle _file;
    private readonly long _limit;
    private byte[] _window = new byte[Window];
    private int _start;
    private int _end;
    private long _read;

    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for want of a right.</exception>
    public SegmentReader(Segment segment, long offset)
    {
        _file = File.OpenHandle(
            segment.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _limit = segment.Length;
        _read = offset;
    }

    /// <summary>Where in the file the next record is looked for.</summary>
    public long Offset => _read - (_end - _start);

    /// <summary>Steps to the next whole record with a number from one to below another.</summary>
    public bool Next(ulong least, ulong below, out SpoolRecord record, out ReadOnlySpan<byte> payload)
    {
        while (true)
        {
            var bytes = _window.AsSpan(_start, _end - _start);
            if (SpoolRecord.TryRead(bytes, out record, out var needed)
                && record.Number >= least && record.Number < below)
            {
                payload = bytes.Slice(record.Start, record.Length);
                _start += record.Size;
                return true;
            }
            payload = default;
            if (needed > bytes.Length && Fill(needed))
                continue;
            if (!SkipToMark())
                return false;
        }
    }

    public void Dispose() => _file.Dispose();

    private bool SkipToMark()
    {
        _start = Math.Min(_start + 1, _end);
        while (true)
        {
            var at = _window.AsSpan(_start, _end - _start).IndexOf(SpoolRecord.Mark);
            if (at >= 0)
            {
                _start += at;
                return true;
            }
            // A mark may begin in what is read last.
            _start = Math.Max(_start, _end - SpoolRecord.Mark.Length + 1);
            if (!Fill(SpoolRecord.Mark.Length))
                return false;
        }
    }

    /// <summary>Reads on until there are so many bytes, and as many more as come at once.</summary>
    private bool Fill(int needed)
    {
        if (_window.Length - _start < needed)
        {
            var larger = _window.Length < needed ? new byte[needed] : _window;
            _window.AsSpan(_start, _end - _start).CopyTo(larger);
            (_window, _start, _end) = (larger, 0, _end - _start);
        }
        while (_end - _start < needed)
        {
            var room = (int)Math.Min(_window.Length - _end, _limit - _read);
            var got = room > 0 ? RandomAccess.Read(_file, _window.AsSpan(_end, room), _read) : 0;
            if (got == 0)
                return false;
            _end += got;
            _read += got;
        }
        return true;
    }
}
