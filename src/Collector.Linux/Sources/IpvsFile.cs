using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>
/// /proc/net/ip_vs_stats (ip_vs_stats_show in net/netfilter/ipvs/ip_vs_ctl.c): two lines of headings, then the totals
/// in hexadecimal; the rates below are not read. Not there without the ip_vs module.
/// </summary>
public sealed class IpvsFile() : TextFile("net/ip_vs_stats")
{
    public long Connections { get; private set; }

    public long IncomingPackets { get; private set; }

    public long OutgoingPackets { get; private set; }

    public long IncomingBytes { get; private set; }

    public long OutgoingBytes { get; private set; }

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        Failure = Malformed;
        var lines = new LineReader(content[..(content.LastIndexOf((byte)'\n') + 1)]);
        if (!lines.TryNext(out var groups) || !lines.TryNext(out var headings) || !lines.TryNext(out var totals))
        {
            Failure = Truncated;
            return false;
        }
        // The words above the columns decide which number is which: packets come before bytes.
        if (!AreWords(groups, "Total", "Incoming", "Outgoing", "Incoming", "Outgoing")
            || !AreWords(headings, "Conns", "Packets", "Packets", "Bytes", "Bytes"))
            return false;
        Span<long> values = stackalloc long[5];
        var fields = new FieldReader(totals);
        foreach (ref var value in values)
        {
            if (!fields.TryNextHex(out var raw) || raw > long.MaxValue)
                return false;
            value = (long)raw;
        }
        if (fields.TryNext(out _))
            return false;
        (Connections, IncomingPackets, OutgoingPackets) = (values[0], values[1], values[2]);
        (IncomingBytes, OutgoingBytes) = (values[3], values[4]);
        Failure = "";
        return true;
    }

    private static bool AreWords(ReadOnlySpan<byte> line, params ReadOnlySpan<string> words)
    {
        var fields = new FieldReader(line);
        foreach (var word in words)
        {
            if (!fields.TryNext(out var field) || !System.Text.Ascii.Equals(field, word))
                return false;
        }
        return !fields.TryNext(out _);
    }
}
