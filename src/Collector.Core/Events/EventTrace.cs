using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Collector.Core.Events;

/// <summary>
/// Which trace an occurrence is, and which span in it: the same in its span, its log record and in the exemplar of its
/// histogram, so that each leads to the others.
/// </summary>
/// <param name="High">First half of the trace's id.</param>
/// <param name="Low">Second half of it.</param>
/// <param name="Span">Id of the occurrence's span, the root of the trace.</param>
public readonly record struct EventTrace(ulong High, ulong Low, ulong Span)
{
    /// <summary>32 hexadecimal digits.</summary>
    public string TraceId => $"{High:x16}{Low:x16}";

    /// <summary>16 hexadecimal digits.</summary>
    public string SpanId => $"{Span:x16}";

    /// <summary>The trace of an occurrence: whoever asks, and as often as they ask, it is the same.</summary>
    /// <param name="e">What happened.</param>
    /// <param name="node">Tells this node's occurrences from those of others.</param>
    public static EventTrace Of(NetworkEvent e, string node)
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{node}\n{e.Info.Name}\n{e.Time}\n{e.Start}\n{e.ObservedTime}\n{e.Subject?.Inode}\n{e.Message}");
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return new(
            BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[16..]));
    }

    /// <summary>Writes the trace's id as OTLP has it: 16 bytes.</summary>
    public void PutTraceId(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into, High);
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], Low);
    }

    /// <summary>Writes the span's id as OTLP has it: 8 bytes.</summary>
    public void PutSpanId(Span<byte> into) => BinaryPrimitives.WriteUInt64BigEndian(into, Span);
}
