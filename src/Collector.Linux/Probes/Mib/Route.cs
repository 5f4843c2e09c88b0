using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// What routing refused per namespace, by reason, and packets that did not fit the path: the MIBs' own counters of it
/// under one name. A series begins with its first count. What had no route out is netlens.ip.out_no_routes.
/// </summary>
/// <remarks>
/// A martian source has no counter in any namespace: packetloss tells it by the kernel's reason (IP_LOCAL_SOURCE,
/// IP_INVALID_SOURCE). ICMP of IPv4 does not count "fragmentation needed" apart from what else is unreachable.
/// </remarks>
internal sealed class Route(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private const string RefusedText = "Packets that routing refused: by the reverse path filter "
        + "(IPReversePathFilter), without a route (InNoRoutes), not for here and not to be "
        + "forwarded (InAddrErrors), at the end of their time to live (OutTimeExcds: those whose sender was told).";

    private static readonly MibSpec Spec = new(
        "route", "Packets that routing refused, by reason, and packets too big for the path.",
        "/proc/net/snmp, snmp6 and netstat",
        [
            new MibSectionRule("TcpExt", "netlens.route.") { KnownOnly = true },
            new MibSectionRule("IpExt", "netlens.route.") { Family = MibCounter.IPv4, KnownOnly = true },
            new MibSectionRule("Ip", "netlens.route.") { Family = MibCounter.IPv4, KnownOnly = true },
            new MibSectionRule("Ip6", "netlens.route.") { Family = MibCounter.IPv6, KnownOnly = true },
            new MibSectionRule("Icmp", "netlens.route.") { Family = MibCounter.IPv4, KnownOnly = true },
            new MibSectionRule("Icmp6", "netlens.route.") { Family = MibCounter.IPv6, KnownOnly = true },
        ],
        [
            Refused("TcpExt", "IPReversePathFilter", "rp_filter", MibCounter.IPv4),
            Refused("IpExt", "InNoRoutes", "in_no_route"),
            Refused("Ip6", "InNoRoutes", "in_no_route"),
            Refused("Ip", "InAddrErrors", "address"),
            Refused("Ip6", "InAddrErrors", "address"),
            Refused("Icmp", "OutTimeExcds", "ttl"),
            Refused("Icmp6", "OutTimeExcds", "ttl"),
            .. Both("FragFails", "fragment_failures",
                "Packets larger than the path allows that must not be cut (FragFails)."),
            TooBig("In", MibCounter.Receive),
            TooBig("Out", MibCounter.Transmit),
            new MibCounter("TcpExt", "TCPMTUPFail", Units.Events,
                "Path MTU probes of TCP that were lost: a larger packet does not pass (TCPMTUPFail).")
            {
                Name = "mtu_probe_failures",
            },
            new MibCounter("TcpExt", "TCPMTUPSuccess", Units.Events,
                "Path MTU probes of TCP that were acknowledged (TCPMTUPSuccess).")
            {
                Name = "mtu_probe_successes", Optional = true,
            },
        ])
    {
        LeavesZerosOut = true,
    };

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    private static MibCounter Refused(string section, string counter, string reason, Tag? family = null)
    {
        var why = new Tag("netlens.route.reason", reason);
        return new(section, counter, Units.Packets, RefusedText)
        {
            Name = "refused", Tags = family is { } its ? [why, its] : [why],
        };
    }

    private static MibCounter[] Both(string counter, string name, string description)
    {
        var ipv4 = new MibCounter("Ip", counter, Units.Packets, description) { Name = name };
        return [ipv4, ipv4 with { Section = "Ip6" }];
    }

    private static MibCounter TooBig(string direction, Tag tag) => new(
        "Icmp6", direction + "PktTooBigs", Units.Messages,
        "ICMPv6 messages that a packet is too big for the path (Icmp6 InPktTooBigs, OutPktTooBigs).")
    {
        Name = "packet_too_big", Tags = [tag],
    };
}
