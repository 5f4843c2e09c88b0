using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>What /proc says of a namespace's counters at one moment.</summary>
internal sealed class MibFiles
{
    private readonly Dictionary<string, MibSection> _sections = [];

    private MibFiles(IcmpTypeCounts icmp, IcmpTypeCounts icmp6) => (IcmpTypes, Icmp6Types) = (icmp, icmp6);

    public IcmpTypeCounts IcmpTypes { get; }

    public IcmpTypeCounts Icmp6Types { get; }

    public static MibFiles Read(NamespaceHandle ns)
    {
        using var snmp = new SnmpFile();
        using var netstat = new NetstatFile();
        using var snmp6 = new Snmp6File();
        using var xfrm = new XfrmFile();
        snmp.EnsureRead(ns, 1);
        netstat.EnsureRead(ns, 1);
        snmp6.EnsureRead(ns, 1);
        xfrm.EnsureRead(ns, 1);
        var files = new MibFiles(snmp.IcmpTypes, snmp6.IcmpTypes);
        foreach (var name in MibSlots.Sections)
        {
            if ((snmp.Find(name) ?? netstat.Find(name) ?? snmp6.Find(name) ?? xfrm.Find(name)) is { } section)
                files._sections.Add(name, section);
        }
        return files;
    }

    public MibSection? Find(string section) => _sections.GetValueOrDefault(section);
}

/// <summary>Compares what the pass found with what /proc said before and after.</summary>
internal static class MibCheck
{
    /// <summary>Null, or the first counter that is not between the two.</summary>
    public static string? Compare(MibSectionSlots[] plan, MibFiles before, MibFigures pass, MibFiles after)
    {
        foreach (var slots in plan)
        {
            var section = slots.Layout.Section;
            if (before.Find(section) is not { } first || after.Find(section) is not { } last
                || first.Layout != slots.Layout || last.Layout != slots.Layout)
            {
                continue;
            }
            if (pass.Find(section) is not { } found)
                return $"{section} is in /proc and not in the kernel's structures";
            for (var i = 0; i < slots.Slots.Length; i++)
            {
                var (low, value, high) = (first.Values[i], found.Values[i], last.Values[i]);
                if (value < Math.Min(low, high) || value > Math.Max(low, high))
                    return Words($"{section} {slots.Layout.Counters[i]}", low, value, high);
            }
        }
        return Compare("Icmp", before.IcmpTypes, pass.IcmpTypes, after.IcmpTypes)
            ?? Compare("Icmp6", before.Icmp6Types, pass.Icmp6Types, after.Icmp6Types);
    }

    private static string? Compare(string section, IcmpTypeCounts before, IcmpTypeCounts pass, IcmpTypeCounts after)
    {
        foreach (var last in after.Entries)
        {
            var (low, value) = (CountOf(before, last), CountOf(pass, last));
            if (value < low || value > last.Count)
                return Words($"{section} {(last.Sent ? "Out" : "In")}Type{last.Type}", low, value, last.Count);
        }
        return pass.Entries.Length > after.Entries.Length
            ? $"{section} has {pass.Entries.Length} types of messages, in /proc {after.Entries.Length}"
            : null;
    }

    private static long CountOf(IcmpTypeCounts counts, IcmpTypeCounts.Entry type)
    {
        foreach (var entry in counts.Entries)
        {
            if (entry.Type == type.Type && entry.Sent == type.Sent)
                return entry.Count;
        }
        return 0;
    }

    private static string Words(string counter, long low, long value, long high) =>
        $"{counter} is {value} in the kernel's structures, in /proc {low} before and {high} after";
}
