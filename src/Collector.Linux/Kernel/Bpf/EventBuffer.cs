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

    /// <summary>Hands waiting records over, oldest first, without copying.</summary>
    /// <param name="reader">Gets them.</param>
    /// <param name="most">Ends after so many, or a few more: the others' turn.</param>
    /// <returns>True when it ended because of that.</returns>
    public abstract bool Drain(IRecordReader reader, int most = int.MaxValue);

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
