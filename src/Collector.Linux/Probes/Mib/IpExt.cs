using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Packets without a route per namespace, IPv4 and IPv6 apart; with <c>include: all</c> also bytes, multicast,
/// broadcast and ECN.
/// </summary>
internal sealed class IpExt(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibCounter[] Counters =
    [
        .. Both("InNoRoutes", Units.Packets, "Packets received that no route leads on (IpExt InNoRoutes)."),
        .. More().Select(c => c with { Optional = true }),
    ];

    private static readonly MibSpec Spec = new(
        "ipext", "IP bytes received and sent, multicast, broadcast, ECN marks.",
        "/proc/net/netstat, IpExt; /proc/net/snmp6, Ip6",
        [
            new MibSectionRule("IpExt", "netlens.ipext.") { Family = MibCounter.IPv4 },
            new MibSectionRule("Ip6", "netlens.ipext.") { Family = MibCounter.IPv6, KnownOnly = true },
        ],
        Counters);

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    /// <summary>Counters of section Ip6 that belong to this probe: what IPv4 prints in IpExt.</summary>
    internal static IReadOnlySet<string> IPv6Counters { get; } =
        Counters.Where(c => c.Section == "Ip6").Select(c => c.Counter).ToHashSet();

    /// <summary>What is exported with <c>include: all</c>.</summary>
    private static IEnumerable<MibCounter> More() =>
    [
        .. Both("InTruncatedPkts", Units.Packets, "Packets shorter than their header says (IpExt InTruncatedPkts).",
            "in_truncated"),
        .. Pair("Octets", Units.Bytes, "io", "Bytes of packets received and sent (IpExt InOctets, OutOctets)."),
        .. Pair("McastPkts", Units.Packets, "multicast.packets",
            "Multicast packets received and sent (IpExt InMcastPkts, OutMcastPkts)."),
        .. Pair("McastOctets", Units.Bytes, "multicast.io",
            "Bytes of multicast packets received and sent (IpExt InMcastOctets, OutMcastOctets)."),
        .. Pair("BcastPkts", Units.Packets, "broadcast.packets",
            "Broadcast packets received and sent (IpExt InBcastPkts, OutBcastPkts).", ipv6: false),
        .. Pair("BcastOctets", Units.Bytes, "broadcast.io",
            "Bytes of broadcast packets received and sent (IpExt InBcastOctets, OutBcastOctets)."),
        .. Both("InNoECTPkts", Units.Packets, "Packets without ECN transport (IpExt InNoECTPkts).", "in_not_ect"),
        .. Both("InECT1Pkts", Units.Packets, "Packets marked ECT(1) (IpExt InECT1Pkts).", "in_ect1"),
        .. Both("InECT0Pkts", Units.Packets, "Packets marked ECT(0) (IpExt InECT0Pkts).", "in_ect0"),
        .. Both("InCEPkts", Units.Packets, "Packets marked congestion experienced (IpExt InCEPkts).", "in_ce"),
        new MibCounter(
            "IpExt", "InCsumErrors", Units.Packets, "Packets with a wrong header checksum (IpExt InCsumErrors)."),
        new MibCounter("IpExt", "ReasmOverlaps", Units.Events,
            "Overlapping fragments in a reassembly (IpExt ReasmOverlaps)."),
    ];

    private static MibCounter[] Both(string counter, string unit, string description, string name = "")
    {
        var ipv4 = new MibCounter("IpExt", counter, unit, description) { Name = name };
        return [ipv4, ipv4 with { Section = "Ip6" }];
    }

    /// <summary>
    /// A counter in each direction. IPv6 has no broadcast; its kernel section prints the byte counters only.
    /// </summary>
    private static IEnumerable<MibCounter> Pair(
        string counter, string unit, string name, string description, bool ipv6 = true)
    {
        foreach (var section in ipv6 ? new[] { "IpExt", "Ip6" } : ["IpExt"])
        {
            yield return new(section, "In" + counter, unit, description) { Name = name, Tags = [MibCounter.Receive] };
            yield return new(section, "Out" + counter, unit, description) { Name = name, Tags = [MibCounter.Transmit] };
        }
    }
}
