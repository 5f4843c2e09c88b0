using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>UDP per namespace, IPv4 and IPv6 apart. KubeSkoop's names are IPv4's, as they always were.</summary>
internal sealed class Udp(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibSpec Spec = new(
        "udp", "UDP datagrams delivered, sent and lost, and why.",
        "/proc/net/snmp, Udp and UdpLite; /proc/net/snmp6, Udp6 and UdpLite6",
        [
            new MibSectionRule("Udp", "netlens.udp.") { Family = MibCounter.IPv4 },
            new MibSectionRule("Udp6", "netlens.udp.") { Family = MibCounter.IPv6 },
            new MibSectionRule("UdpLite", "netlens.udp.lite.") { Family = MibCounter.IPv4 },
            new MibSectionRule("UdpLite6", "netlens.udp.lite.") { Family = MibCounter.IPv6 },
        ],
        [
            .. Both("InDatagrams", Datagrams, "indatagrams", name: "datagrams", tag: MibCounter.Receive),
            .. Both("OutDatagrams", Datagrams, "outdatagrams", name: "datagrams", tag: MibCounter.Transmit,
                alias: "outdatagrams"),
            .. Both("NoPorts", "Datagrams for a port without a socket (Udp NoPorts).", "noports", alias: "noports"),
            .. Both("InErrors",
                "Datagrams not delivered for another reason: full buffer, checksum, filter (Udp InErrors).",
                "inerrors", alias: "inerrors"),
            .. Both("RcvbufErrors", "Datagrams dropped because the receive buffer was full (Udp RcvbufErrors).",
                "rcvbuferrors", alias: "rcvbuferrors"),
            .. Both("SndbufErrors", "Sends refused for lack of send buffer (Udp SndbufErrors).", "sndbuferrors",
                alias: "sndbuferrors"),
            .. Both("InCsumErrors", "Datagrams with a wrong checksum (Udp InCsumErrors).", "incsumerrors",
                alias: "incsumerrors"),
            .. Both("IgnoredMulti", "Multicast datagrams that no socket wanted (Udp IgnoredMulti).", "ignoredmulti"),
            .. Both("MemErrors", "Datagrams dropped because UDP was over its memory limit (Udp MemErrors).",
                null),
        ]);

    private const string Datagrams = "Datagrams delivered to sockets and sent by them (Udp InDatagrams, OutDatagrams).";

    public static new ProbeInfo Info => Spec.Info;

    /// <param name="alias">
    /// Spelling of the ACK page's <c>kubeskoop_pod_udp...</c>, a name that was never exported.
    /// </param>
    private static MibCounter[] Both(
        string counter, string description, string? legacy, string name = "", Tag? tag = null, string? alias = null)
    {
        var ipv4 = new MibCounter("Udp", counter, Units.Datagrams, description)
        {
            Name = name,
            Tags = tag is { } direction ? [direction] : [],
            KubeSkoop = legacy,
            KubeSkoopAliases = alias is null ? [] : [$"kubeskoop_pod_udp{alias}"],
        };
        return [ipv4, ipv4 with { Section = "Udp6", KubeSkoop = null, KubeSkoopAliases = [] }];
    }
}
