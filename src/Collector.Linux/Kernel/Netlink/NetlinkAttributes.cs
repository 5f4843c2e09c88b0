using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>
/// Walks netlink attributes (struct nlattr). A malformed one ends the walk and sets <see cref="Malformed"/>.
/// </summary>
public ref struct NetlinkAttributes(ReadOnlySpan<byte> attributes)
{
    private const ushort TypeMask = 0x3fff; // NLA_F_NESTED and NLA_F_NET_BYTEORDER are the top bits.
    private ReadOnlySpan<byte> _rest = attributes;

    public bool Malformed { get; private set; }

    public bool MoveNext(out ushort type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        var size = Unsafe.SizeOf<nlattr>();
        if (_rest.Length < size)
        {
            Malformed |= !_rest.IsEmpty;
            return false;
        }
        var header = MemoryMarshal.Read<nlattr>(_rest);
        if (header.nla_len < size || header.nla_len > _rest.Length)
        {
            Malformed = true;
            return false;
        }
        type = (ushort)(header.nla_type & TypeMask);
        value = _rest[size..header.nla_len];
        var aligned = (header.nla_len + 3) & ~3;
        _rest = aligned >= _rest.Length ? default : _rest[aligned..];
        return true;
    }

    /// <summary>Text up to its first NUL.</summary>
    public static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> value)
    {
        var end = value.IndexOf((byte)0);
        return end < 0 ? value : value[..end];
    }

    public static bool TryUInt32(ReadOnlySpan<byte> value, out uint number) => MemoryMarshal.TryRead(value, out number);

    /// <summary>nfnetlink sends its numbers in network byte order.</summary>
    public static bool TryUInt32BigEndian(ReadOnlySpan<byte> value, out uint number) =>
        BinaryPrimitives.TryReadUInt32BigEndian(value, out number);
}
