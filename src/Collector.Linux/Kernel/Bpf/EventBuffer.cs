using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Takes the records of one object, on the event thread. The span is the kernel's memory: not to be kept. May not
/// throw.
/// </summary>
internal interface IRecordReader
{
    void OnRecord(ReadOnlySpan<byte> record);
}

/// <summary>The user side of a kernel buffer of records.</summary>
internal abstract class EventBuffer : IDisposable
{
    /// <summary>Descriptors that become readable when there are records.</summary>
    public abstract IReadOnlyList<int> Descriptors { get; }

    /// <summary>Hands all waiting records over, oldest first, without copying.</summary>
    public abstract void Drain(IRecordReader reader);

    /// <summary>Opens the consumer of an object's <c>events</c> map.</summary>
    /// <exception cref="LinuxException">It cannot be mapped.</exception>
    public static EventBuffer Open(BpfMap events, int bytesPerCpu) =>
        events.Type == Libbpf.BPF_MAP_TYPE_RINGBUF ? new RingBuffer(events) : new PerfBuffers(events, bytesPerCpu);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
