using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Worker.Recorder.Files;

/// <summary>
/// Puts others in the place of addresses: of the same family, the same for the same, from the ranges for documentation
/// and, when those are used up, for benchmarks. Those that say nothing of anybody stay: loopback, unspecified,
/// multicast, broadcast. Not thread-safe.
/// </summary>
internal sealed class AddressMask
{
    /// <summary>Characters of the longest text of an IPv6 address: one of IPv4 is at its end.</summary>
    private const int LongestV6 = 45;

    /// <summary>Characters of a hardware address of Ethernet.</summary>
    private const int Ethernet = 17;

    private static readonly SearchValues<char> OfAny = SearchValues.Create("0123456789abcdefABCDEF:.");

    private static readonly (uint First, int Count)[] Ranges =
    [
        (0xC0000201, 254), (0xC6336401, 254), (0xCB007101, 254), // 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
        (0xC6120000, 1 << 17), // 198.18.0.0/15
        (0xF0000000, 1 << 27), // Reserved: further than any file goes.
    ];

    private readonly Dictionary<IPAddress, IPAddress> _addresses = [];
    private readonly Dictionary<string, string> _hardware = new(StringComparer.OrdinalIgnoreCase);
    private int _v4;
    private int _v6;

    public IPAddress Address(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return Address(address.MapToIPv4()).MapToIPv6();
        if (SaysNothing(address))
            return address;
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            address = new IPAddress(address.GetAddressBytes()); // Without the interface's number.
        if (!_addresses.TryGetValue(address, out var other))
        {
            other = address.AddressFamily == AddressFamily.InterNetwork ? NextV4() : NextV6();
            _addresses.Add(address, other);
        }
        return other;
    }

    /// <summary>The text with others in the place of all addresses in it, hardware addresses among them.</summary>
    public string Text(string text)
    {
        StringBuilder? result = null;
        var copied = 0;
        for (int at = 0, length; (at = IndexOfAny(text, at)) >= 0; at += Math.Max(1, length))
        {
            length = Match(text, at, out var other);
            if (other is null)
                continue;
            result ??= new();
            result.Append(text, copied, at - copied).Append(other);
            copied = at + length;
        }
        return result is null ? text : result.Append(text, copied, text.Length - copied).ToString();
    }

    public TagValue Value(TagValue value) => value.IsNumber ? value : Text(value.Text);

    public Subject Subject(Subject subject)
    {
        var names = subject.Names;
        return new(subject.Kind, subject.Inode, subject.Generation, subject.StartTime, names with
        {
            NetnsName = Known(names.NetnsName),
            PodNamespace = Known(names.PodNamespace),
            PodName = Known(names.PodName),
            Unit = Known(names.Unit),
            ContainerName = Known(names.ContainerName),
            PodLabels = [.. names.PodLabels.Select(l => KeyValuePair.Create(l.Key, Text(l.Value)))],
        })
        { Cookie = subject.Cookie, HostNetwork = subject.HostNetwork };
    }

    public NetworkEvent Event(NetworkEvent e) => e with
    {
        Message = Text(e.Message),
        Subject = e.Subject is { } subject ? Subject(subject) : null,
        Process = e.Process is { } process
            ? process with { Command = Text(process.Command), Pod = Known(process.Pod) }
            : null,
        Tuple = e.Tuple is { } tuple
            ? tuple with
            {
                Source = Address(tuple.Source),
                Destination = Address(tuple.Destination),
                SourcePod = Known(tuple.SourcePod),
                DestinationPod = Known(tuple.DestinationPod),
            }
            : null,
        Fields = [.. e.Fields.Select(f => f is { } value ? Value(value) : (TagValue?)null)],
    };

    private string? Known(string? text) => text is null ? null : Text(text);

    private static bool SaysNothing(IPAddress address) => IPAddress.IsLoopback(address)
        || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Broadcast)
        || (address.AddressFamily == AddressFamily.InterNetworkV6
            ? address.IsIPv6Multicast
            : address.GetAddressBytes()[0] is >= 224 and < 240);

    private static int IndexOfAny(string text, int from)
    {
        var index = text.AsSpan(from).IndexOfAny(OfAny);
        return index < 0 ? -1 : from + index;
    }

    /// <summary>Looks for an address that begins here, whatever is behind it.</summary>
    /// <param name="text">All of it.</param>
    /// <param name="at">Where.</param>
    /// <param name="other">What stands for it; null where it stays.</param>
    /// <returns>Its length; 0 where there is none.</returns>
    private int Match(string text, int at, out string? other)
    {
        other = null;
        var rest = text.AsSpan(at);
        var length = 0;
        IPAddress address = IPAddress.None;
        // std::vector is no address.
        if (at == 0 || !char.IsAsciiLetterOrDigit(text[at - 1]))
        {
            length = ReadV6(rest, ref address);
            var hardware = LengthOfHardware(rest);
            if (hardware > length)
            {
                other = Hardware(rest[..hardware].ToString());
                return hardware;
            }
        }
        // "node10.0.0.1": here a letter may be in front.
        if (length == 0 && (at == 0 || !char.IsAsciiDigit(text[at - 1])))
            length = ReadV4(rest, ref address);
        if (length == 0)
            return 0;
        var masked = Address(address);
        other = masked.Equals(address) ? null : masked.ToString();
        return length;
    }

    private static int ReadV6(ReadOnlySpan<char> text, ref IPAddress address)
    {
        var longest = Math.Min(text.Length, LongestV6);
        var end = text[..longest].IndexOfAnyExcept(OfAny);
        end = end < 0 ? longest : end;
        if (text[..end].Count(':') < 2)
            return 0;
        // The longest: what "2001:db8::" ends with belongs to it, the end of a sentence and a port do not.
        for (; end > 2; end--)
        {
            if ((end == text.Length || !char.IsAsciiHexDigit(text[end]) || !char.IsAsciiHexDigit(text[end - 1]))
                && IPAddress.TryParse(text[..end], out var found)
                && found.AddressFamily == AddressFamily.InterNetworkV6)
            {
                address = found;
                return end;
            }
        }
        return 0;
    }

    // Not as IPAddress does: to it a 0 in front makes a number octal.
    private static int ReadV4(ReadOnlySpan<char> text, ref IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        var end = 0;
        for (var part = 0; part < bytes.Length; part++)
        {
            if (part > 0 && (end == text.Length || text[end++] != '.'))
                return 0;
            var digits = text[end..].IndexOfAnyExceptInRange('0', '9');
            digits = digits < 0 ? text.Length - end : digits;
            if (digits > 3 || !byte.TryParse(
                text.Slice(end, digits), NumberStyles.None, CultureInfo.InvariantCulture, out bytes[part]))
                return 0;
            end += digits;
        }
        address = new IPAddress(bytes);
        return end;
    }

    private static int LengthOfHardware(ReadOnlySpan<char> text)
    {
        var octets = 0;
        for (var i = 0; IsOctet(text, i); i += 3)
        {
            octets++;
            if (i + 2 == text.Length || text[i + 2] != ':')
                break;
        }
        // Eight are an address of IPv6, for all that one sees.
        return octets is < 6 or 8 ? 0 : (octets * 3) - 1;
    }

    private static bool IsOctet(ReadOnlySpan<char> text, int at) => at + 2 <= text.Length
        && char.IsAsciiHexDigit(text[at]) && char.IsAsciiHexDigit(text[at + 1])
        && (at + 2 == text.Length || !char.IsAsciiHexDigit(text[at + 2]));

    private string Hardware(string address)
    {
        if (!address.AsSpan().ContainsAnyExcept('0', ':') || !address.AsSpan().ContainsAnyExcept('f', 'F', ':'))
            return address;
        if (!_hardware.TryGetValue(address, out var other))
        {
            var number = _hardware.Count;
            // Those of InfiniBand have 20 octets.
            other = string.Concat(Enumerable.Repeat("00:", (address.Length - Ethernet) / 3));
            // RFC 7042 has 256 of them; then such as anybody may make.
            other += number < 256
                ? $"00:00:5e:00:53:{number:x2}"
                : string.Create(CultureInfo.InvariantCulture,
                    $"02:00:00:{(number >> 16) & 0xFF:x2}:{(number >> 8) & 0xFF:x2}:{number & 0xFF:x2}");
            _hardware.Add(address, other);
        }
        return other;
    }

    private IPAddress NextV4()
    {
        var number = _v4++;
        foreach (var (first, count) in Ranges)
        {
            if (number < count)
                return new IPAddress(IPAddress.HostToNetworkOrder((int)(first + (uint)number)) & 0xFFFFFFFFL);
            number -= count;
        }
        return IPAddress.None;
    }

    private IPAddress NextV6()
    {
        Span<byte> bytes = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(bytes[12..], ++_v6);
        return new IPAddress(bytes);
    }
}
