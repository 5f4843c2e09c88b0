using System.Buffers.Binary;
using System.Text;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Reads the fields of a protobuf message that a server sent. The bytes are not trusted: whatever they are, the reader
/// ends within them, and <see cref="Malformed"/> tells the two ends apart.
/// </summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public bool Malformed { get; private set; }

    public int Field { get; private set; }

    /// <summary>Bytes behind the field.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>Value of a varint or fixed field.</summary>
    public ulong Number { get; private set; }

    /// <summary>Value of a length-delimited field.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public readonly string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>Steps to the next field; false at the end and at the first byte that makes no sense.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty || Malformed)
            return false;
        Bytes = default;
        Number = 0;
        if (!TryVarint(out var tag))
            return false;
        Field = (int)(tag >> 3);
        switch ((WireType)(tag & 7))
        {
            case WireType.Varint:
                return TryVarint(out var number) && Set(number);
            case WireType.Fixed64 when _rest.Length >= 8:
                Set(BinaryPrimitives.ReadUInt64LittleEndian(_rest));
                _rest = _rest[8..];
                return true;
            case WireType.Fixed32 when _rest.Length >= 4:
                Set(BinaryPrimitives.ReadUInt32LittleEndian(_rest));
                _rest = _rest[4..];
                return true;
            case WireType.Length when TryVarint(out var length) && length <= (ulong)_rest.Length:
                Bytes = _rest[..(int)length];
                _rest = _rest[(int)length..];
                return true;
            default:
                Malformed = true;
                return false;
        }
    }

    private bool Set(ulong number)
    {
        Number = number;
        return true;
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        for (var i = 0; i < Math.Min(10, _rest.Length); i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] >= 0x80)
                continue;
            _rest = _rest[(i + 1)..];
            return true;
        }
        Malformed = true;
        return false;
    }
}
