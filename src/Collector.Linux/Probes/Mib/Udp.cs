using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>UDP per namespace, IPv4 and IPv6 apart.</summary>
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
            .. Both("InDatagrams", Datagrams, name: "datagrams", tag: MibCounter.Receive),
            .. Both("OutDatagrams", Datagrams, name: "datagrams", tag: MibCounter.Transmit),
            .. Both("NoPorts", "Datagrams for a port without a socket (Udp NoPorts)."),
            .. Both("InErrors",
                "Datagrams not delivered for another reason: full buffer, checksum, filter (Udp InErrors)."),
            .. Both("RcvbufErrors", "Datagrams dropped because the receive buffer was full (Udp RcvbufErrors)."),
            .. Both("SndbufErrors", "Sends refused for lack of send buffer (Udp SndbufErrors)."),
            .. Both("InCsumErrors", "Datagrams with a wrong checksum, in InErrors as well (Udp InCsumErrors).")
                .Select(c => c with { Optional = true }),
            .. Both("IgnoredMulti", "Multicast datagrams that no socket wanted (Udp IgnoredMulti).")
                .Select(c => c with { Optional = true }),
            .. Both("MemErrors", "Datagrams dropped because UDP was over its memory limit (Udp MemErrors)."),
        ]);

    private const string Datagrams = "Datagrams delivered to sockets and sent by them (Udp InDatagrams, OutDatagrams).";

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    private static MibCounter[] Both(string counter, string description, string name = "", Tag? tag = null)
    {
        var ipv4 = new MibCounter("Udp", counter, Units.Datagrams, description)
        {
            Name = name,
            Tags = tag is { } direction ? [direction] : [],
        };
        return [ipv4, ipv4 with { Section = "Udp6" }];
    }
}
