using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Collector.Worker.Recorder;

/// <summary>An address as a number; IPv4-mapped ones are IPv4.</summary>
public readonly record struct AddressBits
{
    private const int MappedPrefix = 0xFFFF;

    public AddressBits(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        IsV4 = length == 4;
        Value = IsV4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
        if (IsV4 || Value >> 32 != MappedPrefix)
            return;
        (IsV4, Value) = (true, (uint)Value);
    }

    public bool IsV4 { get; }

    public UInt128 Value { get; }
}

/// <summary>One address, or all of a CIDR prefix.</summary>
public readonly record struct AddressRange
{
    private readonly AddressBits _first;
    private readonly UInt128 _mask;

    private AddressRange(AddressBits first, UInt128 mask)
    {
        _first = first;
        _mask = mask;
    }

    public bool Contains(in AddressBits address) =>
        address.IsV4 == _first.IsV4 && (address.Value & _mask) == (_first.Value & _mask);

    /// <summary>Reads 10.0.0.1, 10.0.0.0/8, fe80::1 or 2001:db8::/32; bits behind the prefix do not matter.</summary>
    public static bool TryParse(string text, out AddressRange range)
    {
        range = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];
        // IPAddress also reads "127.1" and zones; a zone means nothing for what was on the wire.
        if (!IPAddress.TryParse(host, out var ip) || host.AsSpan().ContainsAny("%[]")
            || (ip.AddressFamily == AddressFamily.InterNetwork && ip.ToString() != host))
            return false;
        var (bits, width) = (new AddressBits(ip), ip.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        var prefix = width;
        if (slash >= 0 && !(int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture,
            out prefix) && prefix <= width))
            return false;
        if (bits.IsV4 && width == 128)
        {
            // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter one has more than IPv4 in it.
            if (prefix < 96)
                return false;
            (prefix, width) = (prefix - 96, 32);
        }
        range = new(bits, prefix == 0 ? UInt128.Zero : UInt128.MaxValue << (width - prefix));
        return true;
    }
}
