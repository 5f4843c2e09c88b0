using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// TCP as RFC 4022 counts it, per namespace. The kernel counts IPv4 and IPv6 connections together here.
/// </summary>
internal sealed class Tcp(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibSpec Spec = new(
        "tcp", "TCP connections opened, failed and reset, segments sent, received and retransmitted.",
        "/proc/net/snmp, Tcp (net/ipv4/proc.c snmp4_tcp_list); IPv4 and IPv6 together",
        [new MibSectionRule("Tcp", "netlens.tcp.")],
        [
            Count("ActiveOpens", Units.Connections, "Connections begun by connect (Tcp ActiveOpens)."),
            Count("PassiveOpens", Units.Connections, "Connections accepted by listening sockets (Tcp PassiveOpens)."),
            Count("AttemptFails", Units.Connections,
                "Connections that failed before they were established (Tcp AttemptFails)."),
            Count("EstabResets", Units.Connections,
                "Connections reset while ESTABLISHED or CLOSE_WAIT (Tcp EstabResets)."),
            Count("CurrEstab", Units.Connections, "Connections ESTABLISHED or CLOSE_WAIT now (Tcp CurrEstab).") with
            {
                Kind = InstrumentKind.UpDownCounter, Name = "established", Optional = true,
            },
            Count("InSegs", Units.Segments, Segments) with { Name = "segments", Tags = [MibCounter.Receive] },
            Count("OutSegs", Units.Segments, Segments) with
            {
                Name = "segments", Tags = [MibCounter.Transmit],
            },
            Count("RetransSegs", Units.Segments, "Segments sent again (Tcp RetransSegs)."),
            Count("InErrs", Units.Segments,
                "Segments received with an error, checksum errors included (Tcp InErrs).") with
            {
                Optional = true,
            },
            Count("OutRsts", Units.Segments, "Segments sent with the RST flag (Tcp OutRsts)."),
            Count("InCsumErrors", Units.Segments, "Segments received with a wrong checksum (Tcp InCsumErrors)."),
            Setting(
                "RtoAlgorithm", Units.One, "Algorithm of the retransmission timeout, 1 = other (Tcp RtoAlgorithm)."),
            Setting("RtoMin", Units.Seconds, "Least retransmission timeout (Tcp RtoMin).") with { Scale = 0.001 },
            Setting("RtoMax", Units.Seconds, "Greatest retransmission timeout (Tcp RtoMax).") with { Scale = 0.001 },
            Setting("MaxConn", Units.Connections, "Limit of connections, -1 = none (Tcp MaxConn)."),
        ]);

    private const string Segments =
        "Segments received, errors included, and sent, retransmissions excluded (Tcp InSegs, OutSegs).";

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    private static MibCounter Count(string counter, string unit, string description) =>
        new("Tcp", counter, unit, description);

    private static MibCounter Setting(string counter, string unit, string description) =>
        new("Tcp", counter, unit, description) { Kind = InstrumentKind.Gauge, Optional = true };
}
