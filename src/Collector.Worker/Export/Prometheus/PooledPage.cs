using System.Buffers;
using Collector.Worker.Memory;

namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// A page under construction in pooled segments: it grows without copying and gives everything back when disposed.
/// For one thread.
/// </summary>
public sealed class PooledPage : IBufferWriter<byte>, IDisposable
{
    /// <summary>1 MiB.</summary>
    private const int SegmentSize = 1024 * 1024;

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

    /// <summary>Writes the page to a stream.</summary>
    public async Task CopyToAsync(Stream target, CancellationToken cancellation)
    {
        foreach (var segment in _full)
            await target.WriteAsync(segment.Buffer.AsMemory(0, segment.Length), cancellation);
        await target.WriteAsync(_current.AsMemory(0, _used), cancellation);
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
        var next = LargeArrays<byte>.Pool.Rent(Math.Max(SegmentSize, sizeHint));
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
