using Collector.Core.Metrics;
using Collector.Linux.Findings.Buffers;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Devices;
using Collector.Linux.Findings.Dns;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Ports;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Retransmissions;
using Collector.Linux.Findings.Routes;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Dns;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.NextHops;
using Collector.Linux.Probes.Ports;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Probes.Tcp;
using Figures = Collector.Linux.Probes.Ports.Ports;

namespace Collector.Linux.Findings.Faults;

/// <summary>
/// Every fault that <c>netlens selftest</c> can cause, those that take long first. The only registry.
/// </summary>
public static class AllFaults
{
    public static IReadOnlyList<Fault> List { get; } =
    [
        new(CloseWaitLeak.Kind, TcpConnections.Closing[1], null,
            "a server that keeps twelve connections which its clients have closed", BufferFaults.DoNotClose),
        new(DeadPeer.Kind, Ext("TCPAbortOnTimeout"), TcpRetrans.Retransmitted,
            "data of six connections whose peer is gone; TCP_USER_TIMEOUT of 1.5 s",
            ResetFaults.LosePeer) { AtClient = true },
        new(ConnectTimeout.Kind, Ext("TCPSynRetrans"), ConnectKinds.FailedInfo,
            "connects to an address whose packets get lost on the way; two or three SYNs each",
            ConnectFaults.ToSilence) { AtClient = true },
        new(SlowHandshake.Kind, ConnectCounters.Attempts, ConnectKinds.SlowInfo,
            "connects whose answers wait for about 720 ms in a queue (tbf)",
            ConnectFaults.ByLongQueue) { AtClient = true },
        new(ConnectHostUnreachable.Kind, ConnectCounters.Failures, ConnectKinds.FailedInfo,
            "connects to an address of the network that answers no ARP",
            ConnectFaults.ToSilentNeighbour) { AtClient = true },
        new(PeerSlowReader.Kind, Ext("TCPWinProbe"), null,
            "connections that a server does not read, at the client's end",
            BufferFaults.DoNotRead) { AtClient = true },
        new(ReassemblyFails.Kind, Ip.Of("Ip", "ReasmFails"), null,
            "first fragments whose others never come; ipfrag_time of 1 s", RouteFaults.SendHalves),
        new(EphemeralPortsFilling.Kind, Figures.Used, PortKinds.Filling,
            "connections that take more and more of a hundred local ports",
            ConnectFaults.UseManyPorts) { AtClient = true },
        new(DnsServerSilent.Kind, DnsCounters.Lookups, DnsKinds.FailedInfo,
            "DNS queries to a server that reads them and answers none",
            DnsFaults.AnswerNothing) { AtClient = true },
        new(DnsLateAnswer.Kind, DnsCounters.Lookups, DnsKinds.SlowInfo,
            "DNS answers after a second to programs that wait for half of it",
            DnsFaults.AnswerLate) { AtClient = true },

        new(ConnectRefused.Kind, Tcp.Of("Tcp", "AttemptFails"), ConnectKinds.FailedInfo,
            "connects to a port of loopback where nobody ever listened", ConnectFaults.ToNobody),
        new(NobodyListens.Kind, Tcp.Of("Tcp", "OutRsts"), TcpReset.Sent,
            "connects to a port whose listener has ended", ConnectFaults.ToListenerThatEnded),
        new(ConnectNoRoute.Kind, Ip.Of("Ip", "OutNoRoutes"), null,
            "connects to a network that no route leads to",
            ConnectFaults.WithoutRoute) { AtClient = true },
        new(AdministrativelyRejected.Kind, ConnectCounters.Failures, ConnectKinds.FailedInfo,
            "IPv6 connects to a network that a router's route prohibits",
            ConnectFaults.ToProhibited) { AtClient = true, Also = [NoRouteIn.Kind] },
        new(EphemeralPortsExhausted.Kind, ConnectCounters.Failures, ConnectKinds.FailedInfo,
            "more connects to one listener than there are local ports (four)",
            ConnectFaults.UseAllPorts) { AtClient = true },
        new(AcceptQueueOverflow.Kind, Ext("ListenOverflows"), ListenKinds.Overflow,
            "six connects to a listener of one place that accepts nobody", ListenFaults.FillAcceptQueue),
        new(AcceptQueueFilling.Kind, TcpListeners.Fullest, null,
            "nine connects to a listener of ten places that accepts nobody", ListenFaults.NearlyFillAcceptQueue),
        new(ReuseportSkew.Kind, TcpListeners.Fullest, null,
            "nine connects to one of two listeners at a port, which nobody accepts from", ListenFaults.LeaveOneWorker),
        new(SynQueueFull.Kind, Ext("TCPReqQFullDrop"), ListenKinds.Overflow,
            "SYNs whose answers get lost; tcp_syncookies is 0", ListenFaults.FillSynQueue),
        new(SynCookiesUnderLoad.Kind, Ext("SyncookiesRecv"), ListenKinds.Cookies,
            "connects to a listener that has as many handshakes under way as it may", ListenFaults.ConnectByCookies),
        new(SynFlood.Kind, Ext("SyncookiesSent"), ListenKinds.Cookies,
            "SYNs whose answers get lost; tcp_syncookies is 1", ListenFaults.Flood),
        new(ListenDropNotOverflow.Kind, Ext("ListenDrops"), ListenKinds.Overflow,
            "connects from an address that the server has no route to", ListenFaults.ConnectFromElsewhere),
        new(ClientPortReuse.Kind, TcpTwRcv.AllRefused, TcpTwRcv.Refused,
            "SYNs with old sequence numbers from ports in TIME_WAIT", ListenFaults.UsePortsAgain),
        new(UdpOverflow.Kind, Udp.Of("Udp", "RcvbufErrors"), null,
            "200 datagrams to a socket of the smallest buffer that nobody reads", BufferFaults.FillReceiveBuffer),
        new(UdpSendOverflow.Kind, Udp.Of("Udp", "SndbufErrors"), null,
            "datagrams that are sent faster than a queue (tbf) lets them leave",
            BufferFaults.FillSendBuffer) { AtClient = true },
        new(SlowReader.Kind, Ext("TCPToZeroWindowAdv"), null,
            "connections that a server does not read", BufferFaults.DoNotRead),
        new(ReceivePruning.Kind, Ext("PruneCalled"), null,
            "segments of one byte to sockets of the smallest buffer", BufferFaults.SendTinySegments),
        new(TimeWaitOverflow.Kind, Ext("TCPTimeWaitOverflow"), null,
            "more connections that end than TIME_WAIT may hold (two)",
            BufferFaults.FillTimeWait) { AtClient = true },
        new(OldTimestamps.Kind, Ext("PAWSEstab"), null,
            "connections whose sender's clock is turned back (TCP_REPAIR)",
            BufferFaults.TurnTimestampsBack) { Also = [LocalDrop.Kind, RtoBound.Kind] },
        new(UnreadData.Kind, Ext("TCPAbortOnClose"), TcpReset.Sent,
            "a server that closes without reading what came", ResetFaults.CloseUnread),
        new(LingerZero.Kind, Ext("TCPAbortOnData"), TcpReset.Sent,
            "a server that ends connections with SO_LINGER of 0", ResetFaults.CloseByReset),
        new(TimeWaitReset.Kind, TcpTwRcv.AllRefused, TcpTwRcv.Refused,
            "data for connections that the server has closed", ResetFaults.SendToClosed),
        new(PeerReset.Kind, Tcp.Of("Tcp", "EstabResets"), TcpReset.Received,
            "resets that no end of the connections has sent",
            ResetFaults.ResetFromBetween) { AtClient = true },
        new(ChallengeAcks.Kind, Ext("TCPChallengeACK"), null,
            "SYNs for connections that are open", ResetFaults.BeginOpenOnesAgain),
        new(NeighbourUnresolved.Kind, NextHop.FailedMetric, NextHop.Failed,
            "datagrams to an address of the network that answers no ARP",
            RouteFaults.AskSilentNeighbour) { AtClient = true },
        new(AddressMoves.Kind, NextHop.ChangedMetric, NextHop.Changed,
            "an address that is at one hardware address and at another in turn",
            RouteFaults.MoveAddress) { AtClient = true },
        new(ReversePathFilter.Kind, Ext("IPReversePathFilter"), PacketLoss.Dropped,
            "datagrams from an address that no route leads back to; rp_filter is 1", RouteFaults.ComeByAnotherDevice),
        new(Martian.Kind, PacketLossTables.DropsCounter, PacketLoss.Dropped,
            "datagrams that come with the server's own address as sender",
            RouteFaults.ComeFromItself) { DropReason = "IP_LOCAL_SOURCE" },
        new(RoutingLoop.Kind, Ip.Of("Ip", "InHdrErrors"), null,
            "datagrams between two routers whose routes point at each other",
            RouteFaults.GoInCircle) { AtClient = true },
        new(NotForwarding.Kind, Ip.Of("Ip", "InAddrErrors"), null,
            "datagrams for others to where ip_forward is 0", RouteFaults.ComeForOthers),
        new(NoRouteIn.Kind, IpExt.Of("IpExt", "InNoRoutes"), null,
            "datagrams to a router that has no route for them", RouteFaults.ComeWithoutRoute),
        new(PacketTooBig.Kind, Ip.Of("Ip", "FragFails"), null,
            "datagrams of 1400 bytes, never to be cut, to where 1280 fit", RouteFaults.SendTooMuch),
        new(BadChecksum.Kind, Udp.Of("Udp", "InCsumErrors"), PacketLoss.Dropped,
            "datagrams with a wrong checksum", RouteFaults.SendDamaged),
        new(QdiscDrop.Kind, Qdisc.Drops, PacketLoss.Dropped,
            "more datagrams than a short queue (tbf) has room for",
            RouteFaults.SendFasterThanItLeaves) { AtClient = true, Also = [UdpSendOverflow.Kind] },
        new(LinkFlap.Kind, Netdev.CarrierChanges, null,
            "a device whose other end is set down and up",
            TableFaults.TakeLinkDown) { AtClient = true, Unasked = Netdev.WhyNoDevicesOfPods },
        new(NetfilterDrop.Kind, PacketLossTables.DropsCounter, PacketLoss.Dropped,
            "datagrams that a rule of nftables drops", TableFaults.DropByRule),
        new(ConntrackInvalid.Kind, Conntrack.Counters[Ctnetlink.CTA_STATS_INVALID]!, null,
            "resets of connections that there are none of, where a rule makes the kernel track connections",
            TableFaults.ResetNothing),
    ];

    private static Metric Ext(string counter) => TcpExt.Of("TcpExt", counter);
}
