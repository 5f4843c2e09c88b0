using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>
/// A file of line pairs, names above values (net/ipv4/proc.c): <c>Tcp: ActiveOpens ...</c>, <c>Tcp: 50 ...</c>.
/// </summary>
/// <remarks>
/// Which counters there are depends on the kernel, so everything goes by name. In steady state a header is only
/// compared with the bytes of the last one.
/// </remarks>
public abstract class MibFile(string path) : TextFile(path)
{
    private const int MostSections = 32;
    private readonly List<MibSection> _sections = [];
    private int _count;

    /// <summary>The sections of this collection, in the file's order.</summary>
    public int Count => _count;

    public MibSection this[int index] => _sections[index];

    /// <summary>ICMP messages by type (/proc/net/snmp only).</summary>
    public IcmpTypeCounts IcmpTypes { get; } = new();

    /// <summary>A section by the kernel's name; null when this kernel has none or it could not be read.</summary>
    public MibSection? Find(string section)
    {
        for (var i = 0; i < _count; i++)
        {
            if (_sections[i].Layout.Section == section)
                return _sections[i];
        }
        return null;
    }

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        _count = 0;
        IcmpTypes.Clear();
        // A last line without line feed is cut: its last number may lack digits.
        var whole = content[..(content.LastIndexOf((byte)'\n') + 1)];
        if (whole.Length != content.Length || whole.IsEmpty)
            Failure = Truncated;
        var lines = new LineReader(whole);
        while (lines.TryNext(out var header))
        {
            if (!lines.TryNext(out var values))
                Failure = Truncated;
            else if (!TryAdd(header, values))
                Failure = Malformed;
        }
        return _count > 0;
    }

    private bool TryAdd(ReadOnlySpan<byte> header, ReadOnlySpan<byte> values)
    {
        var colon = header.IndexOf((byte)':');
        if (colon <= 0 || values.Length <= colon || !values[..(colon + 1)].SequenceEqual(header[..(colon + 1)]))
            return false;
        if (header[..colon].SequenceEqual("IcmpMsg"u8))
            return TryAddTypes(header[(colon + 1)..], values[(colon + 1)..]);
        if (SectionOf(header) is not { } section
            || !DecimalReader.TryReadAll(values[(colon + 1)..], section.Writable, out var absent))
            return false;
        if (absent)
            Failure = TooLarge;
        // Two of one name: which is true cannot be known, so the first stays.
        if (Find(section.Layout.Section) is not null)
            return false;
        _count++;
        return true;
    }

    /// <summary>The section at the present place for this header: the same object as in the last collection.</summary>
    private MibSection? SectionOf(ReadOnlySpan<byte> header)
    {
        if (_count < _sections.Count && header.SequenceEqual(_sections[_count].Layout.Header))
            return _sections[_count];
        if (_count == MostSections || MibLayout.Of(header) is not { } layout)
            return null;
        var section = new MibSection(layout);
        if (_count < _sections.Count)
            _sections[_count] = section;
        else
            _sections.Add(section);
        return section;
    }

    private bool TryAddTypes(ReadOnlySpan<byte> names, ReadOnlySpan<byte> counts)
    {
        var name = new FieldReader(names);
        var count = new FieldReader(counts);
        while (name.TryNext(out var type))
        {
            if (!count.TryNextNumber(out var value) || !IcmpTypes.TryAdd(type, value))
                return false;
        }
        return !count.TryNext(out _);
    }
}

/// <summary>
/// /proc/net/snmp: Ip, Icmp, IcmpMsg, Tcp, Udp, UdpLite. Read once for all probes that want a part of it.
/// </summary>
public sealed class SnmpFile() : MibFile("net/snmp");

/// <summary>/proc/net/netstat: TcpExt, IpExt, MPTcpExt (since 5.6).</summary>
public sealed class NetstatFile() : MibFile("net/netstat");
