using Collector.Core.Events;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>Makes an event of an occurrence, on the thread that may look things up.</summary>
internal interface IOccurrenceReader
{
    void Resolve(Occurrence occurrence);
}

/// <summary>
/// A record on its way from the event thread to the one that resolves it: copied, for the kernel's memory is needed
/// again. Its objects are used over and over.
/// </summary>
internal sealed class Occurrence
{
    private byte[] _bytes = [];
    private int _length;

    /// <summary>Who makes an event of it.</summary>
    public IOccurrenceReader Reader { get; set; } = null!;

    public EventKey Key { get; set; }

    /// <summary>Where it waits.</summary>
    public OccurrenceLane Lane { get; set; } = null!;

    /// <summary>False where the limiter is still to be asked.</summary>
    public bool Admitted { get; set; }

    /// <summary>When it happened, Unix nanoseconds.</summary>
    public long Time { get; set; }

    /// <summary>When it was read, Unix nanoseconds.</summary>
    public long Observed { get; set; }

    /// <summary>The kernel's record.</summary>
    public ReadOnlySpan<byte> Record => _bytes.AsSpan(0, _length);

    public void Copy(ReadOnlySpan<byte> record)
    {
        if (_bytes.Length < record.Length)
            _bytes = new byte[record.Length];
        record.CopyTo(_bytes);
        _length = record.Length;
    }
}
