using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Consumer of a BPF ring buffer (since Linux 5.8): two mapped positions and the data, which is mapped twice in a row
/// so that no record wraps (kernel/bpf/ringbuf.c).
/// </summary>
internal sealed unsafe class RingBuffer : EventBuffer
{
    // Record header: length with two flags in the top bits, then an offset that only the kernel needs.
    private const uint Busy = 1u << 31;
    private const uint Discarded = 1u << 30;
    private const int HeaderSize = 8;

    private readonly nuint _size;
    private readonly void* _consumer;
    private readonly void* _producer;
    private readonly nuint _page = (nuint)Environment.SystemPageSize;

    public RingBuffer(BpfMap map)
    {
        Descriptors = [map.Fd];
        _size = (nuint)map.MaxEntries;
        _consumer = mmap(null, (size_t)_page, PROT_READ | PROT_WRITE, MAP_SHARED, map.Fd, 0);
        if (_consumer == MAP_FAILED)
            throw LinuxException.Last($"map the ring buffer {map.Name}");
        _producer = mmap(null, (size_t)(_page + (2 * _size)), PROT_READ, MAP_SHARED, map.Fd, (long)_page);
        if (_producer == MAP_FAILED)
        {
            var error = LinuxException.Last($"map the ring buffer {map.Name}");
            _ = munmap(_consumer, (size_t)_page);
            throw error;
        }
    }

    public override IReadOnlyList<int> Descriptors { get; }

    public override bool Drain(IRecordReader reader, int most = int.MaxValue)
    {
        var data = (byte*)_producer + _page;
        var consumed = Volatile.Read(ref *(nuint*)_consumer);
        // Once around and no more: a kernel that is faster than its reader would keep it here for ever.
        var end = consumed + _size;
        for (var taken = 0; consumed < Volatile.Read(ref *(nuint*)_producer); taken++)
        {
            if (taken >= most || consumed >= end)
                return true;
            var record = data + (consumed & (_size - 1));
            var header = Volatile.Read(ref *(uint*)record);
            // Still being written: the kernel wakes us again.
            if ((header & Busy) != 0)
                return false;
            var length = header & ~(Busy | Discarded);
            if ((header & Discarded) == 0)
                reader.OnRecord(new ReadOnlySpan<byte>(record + HeaderSize, (int)length));
            consumed += (length + HeaderSize + 7) & ~7u;
            Volatile.Write(ref *(nuint*)_consumer, consumed);
        }
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        _ = munmap(_consumer, (size_t)_page);
        _ = munmap(_producer, (size_t)(_page + (2 * _size)));
    }
}
