using System.Net.NetworkInformation;
using Collector.Core.Probes;
using Collector.Core.Subjects;

namespace Collector.Worker.Portable;

/// <summary>Which property of System.Net.NetworkInformation is which counter of the Linux probes.</summary>
internal static class PortableProtocols
{
    private const string V4 = "ipv4";
    private const string V6 = "ipv6";
    private const string In = "receive";
    private const string Out = "transmit";

    private static IPGlobalProperties Machine => IPGlobalProperties.GetIPGlobalProperties();

    public static Probe Tcp(ProbeInfo info, NetNamespace machine) => new PortableProtocol(info, machine,
        new StatisticsMap<Func<Func<TcpStatistics, long>, long>>(PortableProtocol.TableOf(info), TcpOfBothFamilies)
            .Add(static sum => sum(static s => s.ConnectionsInitiated), "netlens.tcp.active_opens")
            .Add(static sum => sum(static s => s.ConnectionsAccepted), "netlens.tcp.passive_opens")
            .Add(static sum => sum(static s => s.FailedConnectionAttempts), "netlens.tcp.attempt_fails")
            .Add(static sum => sum(static s => s.ResetConnections), "netlens.tcp.estab_resets")
            .Add(static sum => sum(Established), "netlens.tcp.established")
            .Add(static sum => sum(static s => s.SegmentsReceived), "netlens.tcp.segments", In)
            .Add(static sum => sum(static s => s.SegmentsSent), "netlens.tcp.segments", Out)
            .Add(static sum => sum(static s => s.SegmentsResent), "netlens.tcp.retrans_segs")
            .Add(static sum => sum(static s => s.ErrorsReceived), "netlens.tcp.in_errs")
            .Add(static sum => sum(static s => s.ResetsSent), "netlens.tcp.out_rsts"));

    // Windows counts TCP over IPv4 and IPv6 apart, Linux together: there both calls give the same figures.
    private static Func<Func<TcpStatistics, long>, long> TcpOfBothFamilies()
    {
        var v4 = Machine.GetTcpIPv4Statistics();
        var v6 = OperatingSystem.IsWindows() ? Machine.GetTcpIPv6Statistics() : null;
        return read => read(v4) + (v6 is null ? 0 : read(v6));
    }

    // On Linux the base library gives the sockets in use of /proc/net/sockstat, listening ones included.
    private static long Established(TcpStatistics statistics) => OperatingSystem.IsWindows()
        ? statistics.CurrentConnections
        : throw new PlatformNotSupportedException("connections ESTABLISHED or CLOSE_WAIT are known on Windows only");

    public static Probe Udp(ProbeInfo info, NetNamespace machine) => new PortableProtocol(info, machine,
        Udp(info, V4, static () => Machine.GetUdpIPv4Statistics()),
        Udp(info, V6, static () => Machine.GetUdpIPv6Statistics()));

    private static StatisticsMap<UdpStatistics> Udp(ProbeInfo info, string family, Func<UdpStatistics> get) =>
        new StatisticsMap<UdpStatistics>(PortableProtocol.TableOf(info), get)
            .Add(static s => s.DatagramsReceived, "netlens.udp.datagrams", In, family)
            .Add(static s => s.DatagramsSent, "netlens.udp.datagrams", Out, family)
            .Add(static s => s.IncomingDatagramsDiscarded, "netlens.udp.no_ports", family)
            .Add(static s => s.IncomingDatagramsWithErrors, "netlens.udp.in_errors", family);

    public static Probe Ip(ProbeInfo info, NetNamespace machine) => new PortableProtocol(info, machine,
        Ip(info, V4, static () => Machine.GetIPv4GlobalStatistics())
            .Add(static s => s.ForwardingEnabled ? 1 : 2, "netlens.ip.forwarding", V4)
            .Add(static s => s.DefaultTtl, "netlens.ip.default_ttl", V4),
        Ip(info, V6, static () => Machine.GetIPv6GlobalStatistics()));

    // PacketReassemblyTimeout is left out: on Windows it is the length of the timeout, not a count.
    private static StatisticsMap<IPGlobalStatistics> Ip(ProbeInfo info, string family, Func<IPGlobalStatistics> get) =>
        new StatisticsMap<IPGlobalStatistics>(PortableProtocol.TableOf(info), get)
            .Add(static s => s.ReceivedPackets, "netlens.ip.in_receives", family)
            .Add(static s => s.ReceivedPacketsWithHeadersErrors, "netlens.ip.in_hdr_errors", family)
            .Add(static s => s.ReceivedPacketsWithAddressErrors, "netlens.ip.in_addr_errors", family)
            .Add(static s => s.ReceivedPacketsForwarded, "netlens.ip.forwarded", family)
            .Add(static s => s.ReceivedPacketsWithUnknownProtocol, "netlens.ip.in_unknown_protos", family)
            .Add(static s => s.ReceivedPacketsDiscarded, "netlens.ip.in_discards", family)
            .Add(static s => s.ReceivedPacketsDelivered, "netlens.ip.in_delivers", family)
            .Add(static s => s.OutputPacketRequests, "netlens.ip.out_requests", family)
            .Add(static s => s.OutputPacketsDiscarded, "netlens.ip.out_discards", family)
            .Add(static s => s.OutputPacketsWithNoRoute, "netlens.ip.out_no_routes", family)
            .Add(static s => s.PacketReassembliesRequired, "netlens.ip.reasm_reqds", family)
            .Add(static s => s.PacketsReassembled, "netlens.ip.reasm_oks", family)
            .Add(static s => s.PacketReassemblyFailures, "netlens.ip.reasm_fails", family)
            .Add(static s => s.PacketsFragmented, FragmentedName, family)
            .Add(static s => s.PacketFragmentFailures, "netlens.ip.frag_fails", family);

    // On Linux the base library gives FragCreates here, the number of fragments made (LinuxIPGlobalStatistics).
    private static string FragmentedName { get; } =
        OperatingSystem.IsWindows() ? "netlens.ip.frag_oks" : "netlens.ip.frag_creates";

    public static Probe Icmp(ProbeInfo info, NetNamespace machine) => new PortableProtocol(info, machine,
        new StatisticsMap<IcmpV4Statistics>(PortableProtocol.TableOf(info), static () => Machine.GetIcmpV4Statistics())
            .Pair("messages", V4, static s => s.MessagesReceived, static s => s.MessagesSent)
            .Pair("errors", V4, static s => s.ErrorsReceived, static s => s.ErrorsSent)
            .Pair("destination_unreachable", V4,
                static s => s.DestinationUnreachableMessagesReceived, static s => s.DestinationUnreachableMessagesSent)
            .Pair(
                "time_exceeded", V4, static s => s.TimeExceededMessagesReceived, static s => s.TimeExceededMessagesSent)
            .Pair("parameter_problem", V4, static s => s.ParameterProblemsReceived, static s => s.ParameterProblemsSent)
            .Pair("redirect", V4, static s => s.RedirectsReceived, static s => s.RedirectsSent)
            .Pair("echo_request", V4, static s => s.EchoRequestsReceived, static s => s.EchoRequestsSent)
            .Pair("echo_reply", V4, static s => s.EchoRepliesReceived, static s => s.EchoRepliesSent),
        new StatisticsMap<IcmpV6Statistics>(PortableProtocol.TableOf(info), static () => Machine.GetIcmpV6Statistics())
            .Pair("messages", V6, static s => s.MessagesReceived, static s => s.MessagesSent)
            .Pair("errors", V6, static s => s.ErrorsReceived, static s => s.ErrorsSent)
            .Pair("destination_unreachable", V6,
                static s => s.DestinationUnreachableMessagesReceived, static s => s.DestinationUnreachableMessagesSent)
            .Pair("packet_too_big", V6, static s => s.PacketTooBigMessagesReceived,
                static s => s.PacketTooBigMessagesSent)
            .Pair(
                "time_exceeded", V6, static s => s.TimeExceededMessagesReceived, static s => s.TimeExceededMessagesSent)
            .Pair("parameter_problem", V6, static s => s.ParameterProblemsReceived, static s => s.ParameterProblemsSent)
            .Pair("redirect", V6, static s => s.RedirectsReceived, static s => s.RedirectsSent)
            .Pair("echo_request", V6, static s => s.EchoRequestsReceived, static s => s.EchoRequestsSent)
            .Pair("echo_reply", V6, static s => s.EchoRepliesReceived, static s => s.EchoRepliesSent)
            .Pair(
                "neighbor_solicitation", V6, static s => s.NeighborSolicitsReceived, static s => s.NeighborSolicitsSent)
            .Pair("neighbor_advertisement", V6,
                static s => s.NeighborAdvertisementsReceived, static s => s.NeighborAdvertisementsSent)
            .Pair("router_solicitation", V6, static s => s.RouterSolicitsReceived, static s => s.RouterSolicitsSent)
            .Pair("router_advertisement", V6,
                static s => s.RouterAdvertisementsReceived, static s => s.RouterAdvertisementsSent));

    private static StatisticsMap<T> Pair<T>(
        this StatisticsMap<T> map, string name, string family, Func<T, long> received, Func<T, long> sent) =>
        map.Add(received, $"netlens.icmp.{name}", In, family).Add(sent, $"netlens.icmp.{name}", Out, family);
}
