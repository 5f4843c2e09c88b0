using System.Buffers;
using Collector.Worker.Memory;

namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// A page in pooled segments: it grows without copying and gives everything back when disposed. Written by one thread;
/// a finished one may be read by many.
/// </summary>
/// <param name="segmentSize">Bytes of a segment, of which the last is partly empty.</param>
public sealed class PooledPage(int segmentSize = PooledPage.SegmentSize) : IBufferWriter<byte>, IDisposable
{
    /// <summary>1 MiB.</summary>
    private const int SegmentSize = 1024 * 1024;

    /// <summary>Bytes handed to a reader at once.</summary>
    private const int Piece = 64 * 1024;

    private readonly List<Segment> _full = [];
    private byte[] _current = [];
    private int _used;
    private long _fullLength;

    /// <summary>Bytes written.</summary>
    public long Length => _fullLength + _used;

    /// <summary>Room for at least <paramref name="sizeHint"/> bytes in one piece.</summary>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        if (_current.Length - _used < Math.Max(sizeHint, 1))
            NextSegment(sizeHint);
        return _current.AsSpan(_used);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        GetSpan(sizeHint);
        return _current.AsMemory(_used);
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_current.Length - _used), nameof(count));
        _used += count;
    }

    /// <summary>Appends bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _used += bytes.Length;
    }

    /// <summary>Writes the page to a stream.</summary>
    public void CopyTo(Stream target)
    {
        foreach (var segment in _full)
            target.Write(segment.Buffer, 0, segment.Length);
        target.Write(_current, 0, _used);
    }

    /// <summary>Writes the page to a stream in pieces, and tells after each that it was taken.</summary>
    public async Task CopyToAsync(Stream target, Action taken, CancellationToken cancellation)
    {
        foreach (var segment in _full.Append(new(_current, _used)))
        {
            for (var at = 0; at < segment.Length; at += Piece)
            {
                var piece = segment.Buffer.AsMemory(at, Math.Min(Piece, segment.Length - at));
                await target.WriteAsync(piece, cancellation);
                taken();
            }
        }
    }

    /// <summary>Forgets the page and gives its memory back. The object may be used again.</summary>
    public void Clear()
    {
        foreach (var segment in _full)
            LargeArrays<byte>.Pool.Return(segment.Buffer);
        _full.Clear();
        if (_current.Length > 0)
            LargeArrays<byte>.Pool.Return(_current);
        _current = [];
        _used = 0;
        _fullLength = 0;
    }

    public void Dispose() => Clear();

    private void NextSegment(int sizeHint)
    {
        var next = LargeArrays<byte>.Pool.Rent(Math.Max(segmentSize, sizeHint));
        if (_used > 0)
        {
            _full.Add(new(_current, _used));
            _fullLength += _used;
        }
        else if (_current.Length > 0)
        {
            LargeArrays<byte>.Pool.Return(_current);
        }
        _current = next;
        _used = 0;
    }

    private readonly record struct Segment(byte[] Buffer, int Length);
}
