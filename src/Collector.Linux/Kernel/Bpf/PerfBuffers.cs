using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Consumer of a perf event array, one buffer per online CPU: for kernels before 5.8 (include/uapi/linux/perf_event.h).
/// </summary>
internal sealed unsafe class PerfBuffers : EventBuffer
{
    // struct perf_event_mmap_page: 64-bit positions, the kernel's and ours.
    private const int DataHead = 1024;
    private const int DataTail = 1032;

    // struct perf_event_header { u32 type; u16 misc; u16 size; }, then for a sample u32 length and the record.
    private const int HeaderSize = 8;

    private readonly List<(SafeFd Fd, nint Memory)> _buffers = [];
    private readonly nuint _size;
    private readonly nuint _page = (nuint)Environment.SystemPageSize;
    private readonly byte[] _wrapped = new byte[64 * 1024];

    /// <param name="map">The array: index is the CPU.</param>
    /// <param name="bytes">Size of each buffer; rounded down to a power of two of pages.</param>
    public PerfBuffers(BpfMap map, int bytes)
    {
        _size = Math.Max(_page, (nuint)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)bytes + 1) / 2);
        try
        {
            foreach (var cpu in OnlineCpus())
                Add(map, cpu);
        }
        catch
        {
            Dispose(true);
            throw;
        }
        Descriptors = [.. _buffers.Select(b => b.Fd.Value)];
    }

    public override IReadOnlyList<int> Descriptors { get; }

    private void Add(BpfMap map, int cpu)
    {
        var attributes = new perf_event_attr
        {
            type = perf_event_attr.PERF_TYPE_SOFTWARE,
            size = (uint)sizeof(perf_event_attr),
            config = perf_event_attr.PERF_COUNT_SW_BPF_OUTPUT,
            sample_period = 1,
            sample_type = perf_event_attr.PERF_SAMPLE_RAW,
            wakeup_events = 1,
        };
        var result = Libc.perf_event_open(&attributes, -1, cpu, -1, perf_event_attr.PERF_FLAG_FD_CLOEXEC);
        if (result < 0)
            throw LinuxException.Last($"open the perf buffer of CPU {cpu}");
        var fd = new SafeFd(result);
        var memory = mmap(null, (size_t)(_page + _size), PROT_READ | PROT_WRITE, MAP_SHARED, fd.Value, 0);
        if (memory == MAP_FAILED)
        {
            var error = LinuxException.Last($"map the perf buffer of CPU {cpu}");
            fd.Dispose();
            throw error;
        }
        _buffers.Add((fd, (nint)memory));
        map.Update(cpu, fd.Value);
        if (ioctl(fd.Value, perf_event_attr.PERF_EVENT_IOC_ENABLE, 0) != 0)
            throw LinuxException.Last($"enable the perf buffer of CPU {cpu}");
    }

    // "0-3,6"
    private static IEnumerable<int> OnlineCpus()
    {
        foreach (var range in File.ReadAllText("/sys/devices/system/cpu/online").Trim().Split(','))
        {
            var ends = range.Split('-');
            var first = int.Parse(ends[0], System.Globalization.CultureInfo.InvariantCulture);
            var last = int.Parse(ends[^1], System.Globalization.CultureInfo.InvariantCulture);
            for (var cpu = first; cpu <= last; cpu++)
                yield return cpu;
        }
    }

    public override bool Drain(IRecordReader reader, int most = int.MaxValue)
    {
        var more = false;
        foreach (var (_, memory) in _buffers)
            more |= Drain((byte*)memory, reader, Math.Max(1, most / _buffers.Count));
        return more;
    }

    // What is there now; what comes meanwhile is for the next turn.
    private bool Drain(byte* memory, IRecordReader reader, int most)
    {
        var head = Volatile.Read(ref *(ulong*)(memory + DataHead));
        var tail = *(ulong*)(memory + DataTail);
        for (var taken = 0; tail < head; taken++)
        {
            if (taken >= most)
                return true;
            // PERF_RECORD_LOST says nothing new: the program saw its helper fail and counted that.
            // Records are 8-byte aligned: a header never wraps.
            var at = memory + _page + (tail & (_size - 1));
            var type = *(uint*)at;
            var size = *(ushort*)(at + 6);
            if (size < HeaderSize)
                return false;
            var body = Whole(memory, tail, size)[HeaderSize..];
            if (type == perf_event_attr.PERF_RECORD_SAMPLE)
                reader.OnRecord(body.Slice(4, MemoryMarshal.Read<int>(body)));
            tail += size;
            Volatile.Write(ref *(ulong*)(memory + DataTail), tail);
        }
        return false;
    }

    // The record in one piece: copied only when it wraps at the buffer's end.
    private ReadOnlySpan<byte> Whole(byte* memory, ulong tail, int size)
    {
        var offset = (int)(tail & (_size - 1));
        var data = new ReadOnlySpan<byte>(memory + _page, (int)_size);
        if (offset + size <= data.Length)
            return data.Slice(offset, size);
        var first = data[offset..];
        first.CopyTo(_wrapped);
        data[..(size - first.Length)].CopyTo(_wrapped.AsSpan(first.Length));
        return _wrapped.AsSpan(0, size);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var (fd, memory) in _buffers)
        {
            _ = munmap((void*)memory, (size_t)(_page + _size));
            fd.Dispose();
        }
        _buffers.Clear();
    }
}
