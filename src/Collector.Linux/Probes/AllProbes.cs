using Collector.Core.Probes;
using Collector.Linux.Probes.Arrivals;
using Collector.Linux.Probes.Block;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Flows;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.NextHops;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Rdma;
using Collector.Linux.Probes.Sockets;
using Collector.Linux.Probes.Softirq;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Probes.Tcp;
using Collector.Linux.Probes.Transmits;
using Collector.Linux.Probes.Virtio;

namespace Collector.Linux.Probes;

/// <summary>A probe that can be made: its description and how.</summary>
public sealed record ProbeRegistration(ProbeInfo Info, Func<ProbeHost, ProbeSettings, Probe> Create);

/// <summary>Every Linux probe, in the order in which they are collected and listed. The only registry.</summary>
public static class AllProbes
{
    public static IReadOnlyList<ProbeRegistration> List { get; } =
    [
        new(Netdev.Info, static (host, settings) => new Netdev(host, settings)),
        new(Qdisc.Info, static (host, settings) => new Qdisc(host, settings)),
        new(Softnet.Info, static (host, settings) => new Softnet(host, settings)),
        new(Ip.Info, static (host, settings) => new Ip(host, settings)),
        new(IpExt.Info, static (host, settings) => new IpExt(host, settings)),
        new(Icmp.Info, static (host, settings) => new Icmp(host, settings)),
        new(Route.Info, static (host, settings) => new Route(host, settings)),
        new(Xfrm.Info, static (host, settings) => new Xfrm(host, settings)),
        new(Mib.Tcp.Info, static (host, settings) => new Mib.Tcp(host, settings)),
        new(TcpExt.Info, static (host, settings) => new TcpExt(host, settings)),
        new(TcpSummary.Info, static (host, settings) => new TcpSummary(host, settings)),
        new(UdpSummary.Info, static (host, settings) => new UdpSummary(host, settings)),
        new(Udp.Info, static (host, settings) => new Udp(host, settings)),
        new(Sock.Info, static (host, settings) => new Sock(host, settings)),
        new(Conntrack.Info, static (host, settings) => new Conntrack(host, settings)),
        new(Ports.Ports.Info, static (host, settings) => new Ports.Ports(host, settings)),
        new(Neighbour.Info, static (host, settings) => new Neighbour(host, settings)),
        new(Ipvs.Info, static (host, _) => new Ipvs(host)),
        new(Fd.Info, static (host, settings) => new Fd(host, settings)),
        new(Io.Info, static (host, settings) => new Io(host, settings)),
        new(Throttling.Info, static (host, settings) => new Throttling(host, settings)),
        new(Slab.Info, static (host, _) => new Slab(host)),
        new(Rdma.Rdma.Info, static (host, settings) => new Rdma.Rdma(host, settings)),
        new(PacketLoss.Info, static (host, settings) => new PacketLoss(host, settings)),
        new(Softirq.Softirq.Info, static (host, settings) => new Softirq.Softirq(host, settings)),
        new(VirtCmdLatency.Info, static (host, settings) => new VirtCmdLatency(host, settings)),
        new(BioLatency.Info, static (host, settings) => new BioLatency(host, settings)),
        new(RunQueue.RunQueue.Info, static (host, _) => new RunQueue.RunQueue(host)),
        new(TcpReset.Info, static (host, settings) => new TcpReset(host, settings)),
        new(TcpRetrans.Info, static (host, settings) => new TcpRetrans(host, settings)),
        new(TcpTwRcv.Info, static (host, settings) => new TcpTwRcv(host, settings)),
        new(Connect.Info, static (host, settings) => new Connect(host, settings)),
        new(Dns.Dns.Info, static (host, settings) => new Dns.Dns(host, settings)),
        new(SocketLatency.Info, static (host, settings) => new SocketLatency(host, settings)),
        new(Transmit.Info, static (host, settings) => new Transmit(host, settings)),
        new(Flow.Info, static (host, settings) => new Flow(host, settings)),
        new(NextHop.Info, static (host, settings) => new NextHop(host, settings)),
        new(Listen.Info, static (host, _) => new Listen(host)),
        new(Receive.Info, static (host, settings) => new Receive(host, settings)),
        // Behind those whose figures it adds up.
        new(Ledger.Info, static (host, _) => new Ledger(host)),
        new(Node.Pods.Info, static (host, _) => new Node.Pods(host)),
        new(Node.Finding.Info, static (host, _) => new Node.Finding(host)),
        // Last: it tells about the programs of those before.
        new(Ebpf.Info, static (host, _) => new Ebpf(host)),
    ];
}
