using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Sources;

/// <summary>A section of /proc and where the pass has each of its counters.</summary>
/// <param name="Layout">The section, with the counters that this kernel prints.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Slots">
/// Per counter a word of <see cref="MibWords"/>, or behind those a word of <see cref="MibOnce"/>.
/// </param>
internal sealed record MibSectionSlots(MibLayout Layout, MibKind Kind, int[] Slots)
{
    /// <summary>True where a namespace may be without: it has no IPv6.</summary>
    public bool IsIPv6 { get; } = Layout.Section.EndsWith('6');

    /// <summary>The one counter that may be below zero (tcp_mib_init in include/net/tcp.h); -1 for none.</summary>
    public int Signed { get; } = Layout.Counters.ToList().IndexOf("MaxConn");
}

/// <summary>Finds the slot of a counter by its names: /proc's, and the enumerator's in the kernel's types.</summary>
internal sealed class MibSlots
{
    // The enumerators are told by what they begin with: most of the enums have no name.
    private static readonly (string Section, MibKind Kind, string Prefix)[] Known =
    [
        ("Tcp", MibKind.Tcp, "TCP_MIB_"),
        ("TcpExt", MibKind.TcpExt, "LINUX_MIB_"),
        ("Ip", MibKind.Ip, "IPSTATS_MIB_"),
        ("IpExt", MibKind.Ip, "IPSTATS_MIB_"),
        ("Ip6", MibKind.Ip6, "IPSTATS_MIB_"),
        ("Udp", MibKind.Udp, "UDP_MIB_"),
        ("Udp6", MibKind.Udp6, "UDP_MIB_"),
        ("Icmp", MibKind.Icmp, "ICMP_MIB_"),
        ("Icmp6", MibKind.Icmp6, "ICMP6_MIB_"),
        ("Xfrm", MibKind.Xfrm, "LINUX_MIB_XFRM"),
        ("UdpLite", MibKind.UdpLite, "UDP_MIB_"),
        ("UdpLite6", MibKind.UdpLite6, "UDP_MIB_"),
        ("MPTcpExt", MibKind.MPTcp, "MPTCP_MIB_"),
    ];

    private readonly Dictionary<string, Dictionary<string, int>> _enums = [];

    private MibSlots()
    {
    }

    /// <summary>The sections that the pass may give.</summary>
    public static IEnumerable<string> Sections => Known.Select(k => k.Section);

    /// <summary>What a section is made of; null when the pass does not know it.</summary>
    public static MibKind? KindOf(string section)
    {
        foreach (var known in Known)
        {
            if (known.Section == section)
                return known.Kind;
        }
        return null;
    }

    /// <summary>Reads the enumerators of the running kernel.</summary>
    public static MibSlots Of(Btf btf)
    {
        var slots = new MibSlots();
        var prefixes = Known.Select(k => k.Prefix).Distinct().ToArray();
        var found = btf.EnumsByFirst(prefixes.Select(p => p + "NUM").ToHashSet());
        foreach (var prefix in prefixes)
        {
            if (found.TryGetValue(prefix + "NUM", out var values))
            {
                slots._enums[prefix] = values.Where(v => v.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .GroupBy(v => Plain(v.Key[prefix.Length..])).ToDictionary(g => g.Key, g => g.First().Value);
            }
        }
        return slots;
    }

    /// <summary>Finds the slots of all counters of a section.</summary>
    /// <param name="layout">The section.</param>
    /// <param name="missing">The counter that has none.</param>
    /// <returns>Null when one has none: the section is to be read by /proc.</returns>
    public MibSectionSlots? Find(MibLayout layout, out string missing)
    {
        var (_, kind, prefix) = Array.Find(Known, k => k.Section == layout.Section);
        var slots = new int[layout.Counters.Count];
        for (var i = 0; i < slots.Length; i++)
        {
            missing = layout.Counters[i];
            if ((Once(layout.Section, missing) ?? Word(kind, prefix, missing)) is not { } slot)
                return null;
            slots[i] = slot;
        }
        missing = "";
        return new MibSectionSlots(layout, kind, slots);
    }

    private int? Word(MibKind kind, string prefix, string counter)
    {
        if (!_enums.TryGetValue(prefix, out var values))
            return null;
        foreach (var name in MibNames.Enumerators(prefix, counter))
        {
            if (values.TryGetValue(Plain(name), out var slot))
                return MibWords.First(kind) + slot is var word && word < MibWords.End(kind) ? word : null;
        }
        return null;
    }

    private static int? Once(string section, string counter) => (section, counter) switch
    {
        ("Ip", "Forwarding") => MibWords.Count + MibOnce.ForwardingWord,
        ("Ip", "DefaultTTL") => MibWords.Count + MibOnce.TtlWord,
        ("Icmp", _) => OfType(MibNames.IcmpTypes, MibOnce.FirstIcmpType, counter),
        ("Icmp6", _) => OfType(MibNames.Icmp6Types, MibOnce.FirstIcmp6Type, counter),
        _ => null,
    };

    private static int? OfType(IReadOnlyDictionary<string, int> types, int first, string counter)
    {
        var sent = counter.StartsWith("Out", StringComparison.Ordinal);
        return types.TryGetValue(counter[(sent ? 3 : 2)..], out var type)
            ? MibWords.Count + first + (sent ? MibOnce.FirstSent : 0) + type
            : null;
    }

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
