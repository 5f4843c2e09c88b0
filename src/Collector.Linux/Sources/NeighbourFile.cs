using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>
/// The figures of a table of next hops (neigh_stat_seq_show in net/core/neighbour.c): a line of headings, then one per
/// CPU that there can be. The table is one for all namespaces, and only the machine's first has the file.
/// </summary>
public abstract class NeighbourFile(string path) : TextFile(path)
{
    private const int MostColumns = 32;
    private readonly long[] _counters = new long[Names.Count];
    private int _cpus;

    /// <summary>Headings of the counters.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "table_fulls", "unresolved_discards", "res_failed", "forced_gc_runs", "periodic_gc_runs", "allocs", "destroys",
        "lookups", "hits", "hash_grows", "rcv_probes_mcast", "rcv_probes_ucast",
    ];

    /// <summary>Next hops in the table.</summary>
    public long Entries { get; private set; }

    /// <summary>By <see cref="Names"/>, summed over CPUs; absent where this kernel does not have one.</summary>
    public ReadOnlySpan<long> Counters => _counters;

    protected override bool Parse(ReadOnlySpan<byte> content)
    {
        Failure = Truncated;
        if (content.IsEmpty || content[^1] != (byte)'\n')
            return false;
        Failure = Malformed;
        var lines = new LineReader(content);
        Span<int> places = stackalloc int[MostColumns];
        if (!lines.TryNext(out var headings) || !TryPlace(headings, ref places))
            return false;
        Span<long> sums = stackalloc long[Names.Count];
        sums.Fill(Metric.Absent);
        foreach (var place in places)
        {
            if (place >= 0)
                sums[place] = 0;
        }
        var (entries, cpus) = (-1L, 0);
        while (lines.TryNext(out var line))
        {
            if (!TryAdd(line, places, sums, out entries))
                return false;
            cpus++;
        }
        // A CPU that can be there has its line for good: without it sums would fall.
        if (entries < 0 || (_cpus > 0 && cpus != _cpus))
            return false;
        (_cpus, Entries) = (cpus, entries);
        sums.CopyTo(_counters);
        Failure = "";
        return true;
    }

    /// <summary>Finds which counter each column behind the first is; -1: none that is known.</summary>
    private static bool TryPlace(ReadOnlySpan<byte> headings, ref Span<int> places)
    {
        var fields = new FieldReader(headings);
        if (!fields.TryNext(out var first) || !first.SequenceEqual("entries"u8))
            return false;
        var count = 0;
        while (fields.TryNext(out var heading))
        {
            if (count == places.Length)
                return false;
            places[count++] = PlaceOf(heading);
        }
        places = places[..count];
        return true;
    }

    private static int PlaceOf(ReadOnlySpan<byte> heading)
    {
        for (var i = 0; i < Names.Count; i++)
        {
            if (System.Text.Ascii.Equals(heading, Names[i]))
                return i;
        }
        return -1;
    }

    // The number of entries is the same in each line, but for what changed meanwhile.
    private bool TryAdd(ReadOnlySpan<byte> line, ReadOnlySpan<int> places, Span<long> sums, out long entries)
    {
        var fields = new FieldReader(line);
        entries = -1;
        if (!fields.TryNextHex(out var now) || now > uint.MaxValue)
            return false;
        foreach (var place in places)
        {
            if (!fields.TryNextHex(out var value))
                return false;
            if (place < 0)
                continue;
            if (value > (ulong)(long.MaxValue - sums[place]))
            {
                Failure = TooLarge;
                return false;
            }
            sums[place] += (long)value;
        }
        entries = (long)now;
        return !fields.TryNext(out _);
    }
}

/// <summary>Next hops of IPv4.</summary>
public sealed class ArpFile() : NeighbourFile("net/stat/arp_cache");

/// <summary>Next hops of IPv6.</summary>
public sealed class NdiscFile() : NeighbourFile("net/stat/ndisc_cache");

/// <summary>How many of IPv4 there may be.</summary>
public sealed class ArpLimitFile() : NumberFile("sys/net/ipv4/neigh/default/gc_thresh3");

/// <summary>How many of IPv6 there may be.</summary>
public sealed class NdiscLimitFile() : NumberFile("sys/net/ipv6/neigh/default/gc_thresh3");
