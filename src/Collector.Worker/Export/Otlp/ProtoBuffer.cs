using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// A growing byte array that is written in protobuf's wire format and used again and again: what OTLP needs of
/// https://protobuf.dev/programming-guides/encoding/, no more.
/// </summary>
/// <remarks>Not thread-safe. The array never shrinks; the encoder bounds it by the greatest request.</remarks>
internal sealed class ProtoBuffer(int capacity = 256)
{
    /// <summary>
    /// Bytes kept free for a length that is known only once the message is written: a varint padded to four bytes,
    /// which every decoder accepts (the OpenTelemetry SDK writes the same), good for 256 MiB.
    /// </summary>
    public const int ReservedLength = 4;

    private byte[] _bytes = new byte[capacity];

    public int Position { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Position);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Position);

    /// <summary>What was written from there on, to be changed in place; until the next write.</summary>
    public Span<byte> From(int position) => _bytes.AsSpan(position, Position - position);

    public void Clear() => Position = 0;

    public void RewindTo(int position) => Position = position;

    /// <summary>Room for exactly <paramref name="size"/> bytes, already counted as written.</summary>
    public Span<byte> Take(int size)
    {
        if (_bytes.Length - Position < size)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Position + size));
        var span = _bytes.AsSpan(Position, size);
        Position += size;
        return span;
    }

    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void Varint(ulong value) => Proto.PutVarint(Take(Proto.VarintSize(value)), value);

    public void Tag(int field, WireType type) => Varint(Proto.Tag(field, type));

    public void Integer(int field, long value)
    {
        Tag(field, WireType.Varint);
        Varint(unchecked((ulong)value));
    }

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, WireType.Length);
        Varint((ulong)value.Length);
        Raw(value);
    }

    /// <summary>
    /// A string; text that is not valid UTF-16 leaves with replacement characters, as protobuf demands UTF-8.
    /// </summary>
    public void Text(int field, string value)
    {
        Tag(field, WireType.Length);
        var size = Encoding.UTF8.GetByteCount(value);
        Varint((ulong)size);
        Encoding.UTF8.GetBytes(value, Take(size));
    }

    /// <summary>Begins a message of unknown length. Returns the place to hand to <see cref="Close"/>.</summary>
    public int Open(int field)
    {
        Tag(field, WireType.Length);
        Take(ReservedLength);
        return Position;
    }

    /// <summary>Ends the message whose body began at <paramref name="start"/>.</summary>
    public void Close(int start)
    {
        var length = (uint)(Position - start);
        var span = _bytes.AsSpan(start - ReservedLength, ReservedLength);
        for (var i = 0; i < ReservedLength; i++)
            span[i] = (byte)(((length >> (7 * i)) & 0x7F) | (i < ReservedLength - 1 ? 0x80u : 0));
    }
}

internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// <summary>Pieces of the wire format on spans, for the loop that must not check its room at every byte.</summary>
internal static class Proto
{
    public static ulong Tag(int field, WireType type) => ((ulong)field << 3) | (uint)type;

    public static int VarintSize(ulong value) => ((BitOperations.Log2(value | 1) * 9) + 73) / 64;

    public static int PutVarint(Span<byte> at, ulong value)
    {
        var i = 0;
        for (; value >= 0x80; value >>= 7)
            at[i++] = (byte)(value | 0x80);
        at[i++] = (byte)value;
        return i;
    }

    /// <summary>One-byte tag and eight bytes. Returns 9.</summary>
    public static int PutFixed64(Span<byte> at, int field, long value)
    {
        at[0] = (byte)Tag(field, WireType.Fixed64);
        BinaryPrimitives.WriteInt64LittleEndian(at[1..], value);
        return 9;
    }

    /// <summary>One-byte tag and eight bytes. Returns 9.</summary>
    public static int PutDouble(Span<byte> at, int field, double value) =>
        PutFixed64(at, field, BitConverter.DoubleToInt64Bits(value));
}
