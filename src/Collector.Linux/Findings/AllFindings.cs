using Collector.Core.Findings;
using Collector.Linux.Findings.Buffers;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Cpu;
using Collector.Linux.Findings.Devices;
using Collector.Linux.Findings.Dns;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Ports;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Retransmissions;
using Collector.Linux.Findings.Routes;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings;

/// <summary>A rule that can be made: its description and how.</summary>
public sealed record FindingRegistration(FindingInfo Info, Func<ProbeHost, FindingRule> Create);

/// <summary>Every kind of finding, in the order in which they are listed. The only registry.</summary>
public static class AllFindings
{
    public static IReadOnlyList<FindingRegistration> List { get; } =
    [
        new(AcceptorStarved.Kind, static host => new AcceptorStarved(host)),
        new(AcceptQueueOverflow.Kind, static host => new AcceptQueueOverflow(host)),
        new(AcceptQueueFilling.Kind, static host => new AcceptQueueFilling(host)),
        new(SynQueueFull.Kind, static host => new SynQueueFull(host)),
        new(SynCookiesUnderLoad.Kind, static host => new SynCookiesUnderLoad(host)),
        new(SynFlood.Kind, static host => new SynFlood(host)),
        new(ListenDropNotOverflow.Kind, static host => new ListenDropNotOverflow(host)),
        new(NobodyListens.Kind, static host => new NobodyListens(host)),
        new(ClientPortReuse.Kind, static host => new ClientPortReuse(host)),
        new(ConnectRefused.Kind, static host => new ConnectRefused(host)),
        new(ConnectTimeout.Kind, static host => new ConnectTimeout(host)),
        new(SlowHandshake.Kind, static host => new SlowHandshake(host)),
        new(ConnectNoRoute.Kind, static host => new ConnectNoRoute(host)),
        new(ConnectHostUnreachable.Kind, static host => new ConnectHostUnreachable(host)),
        new(AdministrativelyRejected.Kind, static host => new AdministrativelyRejected(host)),
        new(EphemeralPortsExhausted.Kind, static host => new EphemeralPortsExhausted(host)),
        new(EphemeralPortsFilling.Kind, static host => new EphemeralPortsFilling(host)),
        new(SnatExhaustion.Kind, static host => new SnatExhaustion(host)),
        new(ConntrackFull.Kind, static host => new ConntrackFull(host)),
        new(UdpOverflow.Kind, static host => new UdpOverflow(host)),
        new(UdpSendOverflow.Kind, static host => new UdpSendOverflow(host)),
        new(UdpMemory.Kind, static host => new UdpMemory(host)),
        new(SlowReader.Kind, static host => new SlowReader(host)),
        new(PeerSlowReader.Kind, static host => new PeerSlowReader(host)),
        new(ReceivePruning.Kind, static host => new ReceivePruning(host)),
        new(TcpMemory.Kind, static host => new TcpMemory(host)),
        new(Orphans.Kind, static host => new Orphans(host)),
        new(CloseWaitLeak.Kind, static host => new CloseWaitLeak(host)),
        new(TimeWaitOverflow.Kind, static host => new TimeWaitOverflow(host)),
        new(OldTimestamps.Kind, static host => new OldTimestamps(host)),
        new(UnreadData.Kind, static host => new UnreadData(host)),
        new(LingerZero.Kind, static host => new LingerZero(host)),
        new(MemoryReset.Kind, static host => new MemoryReset(host)),
        new(DeadPeer.Kind, static host => new DeadPeer(host)),
        new(TimeWaitReset.Kind, static host => new TimeWaitReset(host)),
        new(IdleReset.Kind, static host => new IdleReset(host)),
        new(PeerReset.Kind, static host => new PeerReset(host)),
        new(LocalDrop.Kind, static host => new LocalDrop(host)),
        new(RetransmitFailed.Kind, static host => new RetransmitFailed(host)),
        new(PathLoss.Kind, static host => new PathLoss(host)),
        new(Spurious.Kind, static host => new Spurious(host)),
        new(Reordering.Kind, static host => new Reordering(host)),
        new(RtoBound.Kind, static host => new RtoBound(host)),
        new(BadChecksum.Kind, static host => new BadChecksum(host)),
        new(ConntrackFilling.Kind, static host => new ConntrackFilling(host)),
        new(ConntrackRace.Kind, static host => new ConntrackRace(host)),
        new(ConntrackInvalid.Kind, static host => new ConntrackInvalid(host)),
        new(NetfilterDrop.Kind, static host => new NetfilterDrop(host)),
        new(NeighbourFull.Kind, static host => new NeighbourFull(host)),
        new(NeighbourUnresolved.Kind, static host => new NeighbourUnresolved(host)),
        new(AddressMoves.Kind, static host => new AddressMoves(host)),
        new(ReversePathFilter.Kind, static host => new ReversePathFilter(host)),
        new(Martian.Kind, static host => new Martian(host)),
        new(RoutingLoop.Kind, static host => new RoutingLoop(host)),
        new(NotForwarding.Kind, static host => new NotForwarding(host)),
        new(NoRouteIn.Kind, static host => new NoRouteIn(host)),
        new(PacketTooBig.Kind, static host => new PacketTooBig(host)),
        new(ReassemblyFails.Kind, static host => new ReassemblyFails(host)),
        new(QdiscDrop.Kind, static host => new QdiscDrop(host)),
        new(QueueingDelay.Kind, static host => new QueueingDelay(host)),
        new(LinkFlap.Kind, static host => new LinkFlap(host)),
        new(FullRing.Kind, static host => new FullRing(host)),
        new(ProgramDrop.Kind, static host => new ProgramDrop(host)),
        new(VirtCommandSlow.Kind, static host => new VirtCommandSlow(host)),
        new(BacklogOverflow.Kind, static host => new BacklogOverflow(host)),
        new(BudgetSqueeze.Kind, static host => new BudgetSqueeze(host)),
        new(SoftirqLate.Kind, static host => new SoftirqLate(host)),
        new(QuotaThrottled.Kind, static host => new QuotaThrottled(host)),
        new(NoisyNeighbour.Kind, static host => new NoisyNeighbour(host)),
        new(MemoryStall.Kind, static host => new MemoryStall(host)),
        new(DiskSlow.Kind, static host => new DiskSlow(host)),
        new(DnsLateAnswer.Kind, static host => new DnsLateAnswer(host)),
        new(DnsServerSilent.Kind, static host => new DnsServerSilent(host)),
        new(DnsFiveSeconds.Kind, static host => new DnsFiveSeconds(host)),
        new(DnsServfail.Kind, static host => new DnsServfail(host)),
        new(DnsSlow.Kind, static host => new DnsSlow(host)),
        new(DnsNxdomain.Kind, static host => new DnsNxdomain(host)),
    ];
}
