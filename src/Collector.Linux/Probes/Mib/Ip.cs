using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// IP per namespace, IPv4 and IPv6 apart: what was discarded; with <c>include: all</c> also delivery, forwarding and
/// fragments.
/// </summary>
internal sealed class Ip(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibSpec Spec = new(
        "ip", "IP packets received, delivered, forwarded and sent, fragments, and why packets were discarded.",
        "/proc/net/snmp, Ip; /proc/net/snmp6, Ip6",
        [
            new MibSectionRule("Ip", "netlens.ip.") { Family = MibCounter.IPv4 },
            new MibSectionRule("Ip6", "netlens.ip.") { Family = MibCounter.IPv6, Except = IpExt.IPv6Counters },
        ],
        [
            IPv4("Forwarding", Units.One, "Whether the namespace forwards IPv4: 1 = yes, 2 = no (Ip Forwarding).") with
            {
                Kind = InstrumentKind.Gauge,
                Optional = true,
            },
            IPv4("DefaultTTL", Units.Hops, "Time to live of packets sent from here (Ip DefaultTTL).") with
            {
                Kind = InstrumentKind.Gauge,
                Optional = true,
            },
            .. More("InReceives", Units.Packets, "Packets received, errors included (Ip InReceives)."),
            .. More(
                "InHdrErrors", Units.Packets, "Packets discarded for a bad header or an expired TTL (Ip InHdrErrors)."),
            .. More(
                "InAddrErrors", Units.Packets, "Packets discarded for a bad destination address (Ip InAddrErrors)."),
            .. More("ForwDatagrams", Units.Packets, "Packets forwarded (Ip ForwDatagrams).", v6: "OutForwDatagrams",
                name: "forwarded"),
            .. More("InUnknownProtos", Units.Packets, "Packets of an unknown upper protocol (Ip InUnknownProtos)."),
            .. More("InDiscards", Units.Packets, "Received packets discarded without fault of theirs (Ip InDiscards)."),
            .. More("InDelivers", Units.Packets, "Packets given to upper protocols (Ip InDelivers)."),
            .. More("OutRequests", Units.Packets, "Packets that local protocols asked to send (Ip OutRequests)."),
            .. Both(
                "OutDiscards", Units.Packets, "Packets to send discarded without fault of theirs (Ip OutDiscards)."),
            .. Both("OutNoRoutes", Units.Packets, "Packets discarded because no route leads there (Ip OutNoRoutes)."),
            .. More("ReasmTimeout", Units.Packets, "Reassemblies given up after the timeout (Ip ReasmTimeout)."),
            .. More("ReasmReqds", Units.Fragments, "Fragments received that need reassembly (Ip ReasmReqds)."),
            .. More("ReasmOKs", Units.Packets, "Packets put together from fragments (Ip ReasmOKs)."),
            .. Both("ReasmFails", Units.Events, "Failures in reassembly (Ip ReasmFails)."),
            .. More("FragOKs", Units.Packets, "Packets cut into fragments (Ip FragOKs)."),
            .. Both("FragFails", Units.Packets, "Packets that needed fragments but must not be cut (Ip FragFails)."),
            .. More("FragCreates", Units.Fragments, "Fragments made (Ip FragCreates)."),
            .. More("OutTransmits", Units.Packets, "Packets handed to devices (Ip OutTransmits)."),
            new MibCounter("Ip6", "InTooBigErrors", Units.Packets,
                "Packets too big to be forwarded (Ip6 InTooBigErrors).")
            {
                Optional = true,
            },
        ]);

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    private static MibCounter IPv4(string counter, string unit, string description) =>
        new("Ip", counter, unit, description);

    /// <summary>A counter that is exported with <c>include: all</c>.</summary>
    private static IEnumerable<MibCounter> More(
        string counter, string unit, string description, string? v6 = null, string name = "") =>
        Both(counter, unit, description, v6, name).Select(c => c with { Optional = true });

    private static MibCounter[] Both(
        string counter, string unit, string description, string? v6 = null, string name = "")
    {
        var ipv4 = IPv4(counter, unit, description) with { Name = name };
        return [ipv4, ipv4 with { Section = "Ip6", Counter = v6 ?? counter }];
    }
}
