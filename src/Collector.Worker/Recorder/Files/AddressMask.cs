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
    private const string Letters = "abcdefABCDEF";

    private static readonly SearchValues<char> OfV4 = SearchValues.Create("0123456789.");
    private static readonly SearchValues<char> OfAny = SearchValues.Create($"0123456789{Letters}:.");

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
        for (int start = 0, length; (start = IndexOfRun(text, start, out length)) >= 0; start += length)
        {
            var place = (Start: start, Length: length);
            if (Other(text, ref place) is not { } other)
                continue;
            result ??= new();
            result.Append(text, copied, place.Start - copied).Append(other);
            copied = place.Start + place.Length;
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

    private static int IndexOfRun(string text, int from, out int length)
    {
        length = 0;
        var start = text.AsSpan(from).IndexOfAny(OfAny);
        if (start < 0)
            return -1;
        start += from;
        length = text.AsSpan(start).IndexOfAnyExcept(OfAny);
        length = length < 0 ? text.Length - start : length;
        return start;
    }

    /// <summary>What stands for a run of such characters; null where it is no address.</summary>
    /// <param name="text">All of it.</param>
    /// <param name="place">The run; becomes the address in it.</param>
    private string? Other(string text, ref (int Start, int Length) place)
    {
        // The end of a sentence, or of the name of a field.
        var run = text.AsSpan(place.Start, place.Length).TrimEnd(".:");
        if (IsHardware(run))
        {
            place.Length = run.Length;
            return Hardware(run.ToString());
        }
        if (text.AsSpan(place.Start, place.Length).Count(':') >= 2 && OtherV6(text, run.Length, ref place) is { } v6)
            return v6;
        var colon = run.IndexOf(':');
        var host = colon < 0 ? run : run[..colon];
        // "node10.0.0.1": some letters are digits of the other family.
        place.Start += host.Length - host.TrimStart(Letters).Length;
        host = host.Trim(Letters);
        place.Length = host.Length;
        return host.Count('.') == 3 && !host.ContainsAnyExcept(OfV4) && IPAddress.TryParse(host, out var v4)
            ? Address(v4).ToString()
            : null;
    }

    private string? OtherV6(string text, int trimmed, ref (int Start, int Length) place)
    {
        // std::vector is no address.
        if (place.Start > 0 && char.IsAsciiLetterOrDigit(text[place.Start - 1]))
            return null;
        // What "2001:db8::" ends with belongs to it.
        if (IPAddress.TryParse(text.AsSpan(place.Start, place.Length), out var address))
            return Address(address).ToString();
        if (!IPAddress.TryParse(text.AsSpan(place.Start, trimmed), out address)
            || address.AddressFamily != AddressFamily.InterNetworkV6)
            return null;
        place.Length = trimmed;
        return Address(address).ToString();
    }

    private static bool IsHardware(ReadOnlySpan<char> text)
    {
        if (text.Length != 17)
            return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (i % 3 == 2 ? text[i] != ':' : !char.IsAsciiHexDigit(text[i]))
                return false;
        }
        return true;
    }

    private string Hardware(string address)
    {
        if (address is "00:00:00:00:00:00" || address.Equals("ff:ff:ff:ff:ff:ff", StringComparison.OrdinalIgnoreCase))
            return address;
        if (!_hardware.TryGetValue(address, out var other))
        {
            var number = _hardware.Count;
            // RFC 7042 has 256 of them; then such as anybody may make.
            other = number < 256
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
