using System.Runtime.InteropServices;
using System.Text;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Kernel;

namespace Collector.Linux.Sources;

/// <summary>A file with a name and a value per line: <c>Ip6InReceives  1</c>.</summary>
/// <param name="path">Below /proc.</param>
/// <param name="sections">What names begin with: the sections, one that begins as another does before that.</param>
/// <remarks>
/// The lines are the same in every collection but for the ICMPv6 types that occurred, so in steady state each line is
/// compared with what stood there last time, up to the value.
/// </remarks>
public abstract class MibLines(string path, params string[] sections) : TextFile(path)
{
    private readonly List<Line> _lines = [];
    private readonly List<MibSection> _sections = [];
    private bool _valid;

    /// <summary>A section by what its names begin with, its counters without that.</summary>
    public MibSection? Find(string section)
    {
        if (!_valid)
            return null;
        foreach (var candidate in _sections)
        {
            if (candidate.Layout.Section == section)
                return candidate;
        }
        return null;
    }

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        var whole = content[..(content.LastIndexOf((byte)'\n') + 1)];
        if (whole.Length != content.Length || whole.IsEmpty)
            Failure = Truncated;
        _valid = !whole.IsEmpty && (TryFill(whole) || (TryLearn(whole) && TryFill(whole)));
        if (!_valid && Failure.Length == 0)
            Failure = Malformed;
        return _valid;
    }

    private bool TryFill(ReadOnlySpan<byte> content)
    {
        BeginOthers();
        var known = CollectionsMarshal.AsSpan(_lines);
        var next = 0;
        var at = 0;
        while (at < content.Length)
        {
            if (next < known.Length && content[at..].StartsWith(known[next].Start))
            {
                ref readonly var line = ref known[next++];
                at += line.Start.Length;
                if (!DecimalReader.TryRead(content, ref at, out var value)
                    || at == content.Length || content[at] != (byte)'\n')
                    return false;
                _sections[line.Section].Writable[line.Index] = value;
                if (value == Metric.Absent)
                    Failure = TooLarge;
                at++;
                continue;
            }
            var end = content[at..].IndexOf((byte)'\n');
            if (end < 0 || !TryAddOther(content.Slice(at, end)))
                return false;
            at += end + 1;
        }
        return next == known.Length && next > 0;
    }

    /// <summary>Forgets what was taken of lines that come and go.</summary>
    protected virtual void BeginOthers()
    {
    }

    /// <summary>Takes a line that comes and goes; false: it is none of those.</summary>
    protected virtual bool TryAddOther(ReadOnlySpan<byte> line) => false;

    /// <summary>The rest of a line behind the name: blanks, then the number to the end ("%-32s\t%lu").</summary>
    protected static bool TryValue(ReadOnlySpan<byte> rest, out long value)
    {
        value = 0;
        var at = rest.IndexOfAnyExcept((byte)' ', (byte)'\t');
        return at > 0 && DecimalReader.TryRead(rest, ref at, out value) && at == rest.Length;
    }

    /// <summary>
    /// Learns the names and their order from the file itself; nothing is known afterwards when it cannot.
    /// </summary>
    private bool TryLearn(ReadOnlySpan<byte> content)
    {
        _lines.Clear();
        _sections.Clear();
        if (TryLearnLines(content, out var headers) && headers.TrueForAll(TryAddSection))
            return true;
        _lines.Clear();
        return false;
    }

    private bool TryAddSection(SectionHeader header)
    {
        if (MibLayout.Of(Encoding.Latin1.GetBytes(header.Text.ToString())) is not { } layout)
            return false;
        _sections.Add(new MibSection(layout));
        return true;
    }

    private bool TryLearnLines(ReadOnlySpan<byte> content, out List<SectionHeader> headers)
    {
        headers = [];
        var lines = new LineReader(content);
        while (lines.TryNext(out var line))
        {
            if (TryAddOther(line))
                continue;
            var end = line.IndexOfAny((byte)' ', (byte)'\t');
            if (end <= 0)
                return false;
            var value = end + line[end..].IndexOfAnyExcept((byte)' ', (byte)'\t');
            if (value < end)
                return false;
            var text = NamePool.Of(line[..end]);
            if (Array.Find(sections, p => text.StartsWith(p, StringComparison.Ordinal)) is not { } prefix)
                return false;
            var section = headers.FindIndex(h => h.Section == prefix);
            if (section < 0)
            {
                section = headers.Count;
                headers.Add(new SectionHeader(prefix));
            }
            headers[section].Text.Append(' ').Append(text.AsSpan(prefix.Length));
            _lines.Add(new Line(line[..value].ToArray(), section, headers[section].Count++));
        }
        return true;
    }

    private sealed class SectionHeader(string section)
    {
        public string Section => section;

        public StringBuilder Text { get; } = new(section + ":");

        public int Count { get; set; }
    }

    /// <param name="Start">The line up to its value: name and blanks.</param>
    /// <param name="Section">Place of its section.</param>
    /// <param name="Index">Place of its counter there.</param>
    private readonly record struct Line(byte[] Start, int Section, int Index);
}

/// <summary>
/// /proc/net/snmp6 (net/ipv6/proc.c): Ip6, Icmp6, Udp6, UdpLite6. Not there when IPv6 is off.
/// </summary>
public sealed class Snmp6File() : MibLines("net/snmp6", "UdpLite6", "Icmp6", "Udp6", "Ip6")
{
    /// <summary>ICMPv6 messages by type.</summary>
    public IcmpTypeCounts IcmpTypes { get; } = new();

    protected override void BeginOthers() => IcmpTypes.Clear();

    protected override bool TryAddOther(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("Icmp6"u8))
            return false;
        var end = line.IndexOfAny((byte)' ', (byte)'\t');
        return end > 5 && TryValue(line[end..], out var value) && IcmpTypes.TryAdd(line[5..end], value);
    }
}

/// <summary>
/// /proc/net/xfrm_stat (net/xfrm/xfrm_proc.c): packets that IPsec dropped, by reason. Not there in kernels without
/// CONFIG_XFRM_STATISTICS.
/// </summary>
public sealed class XfrmFile() : MibLines("net/xfrm_stat", Section)
{
    /// <summary>The only one.</summary>
    public const string Section = "Xfrm";
}
