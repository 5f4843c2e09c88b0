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

/// <summary>A rule that can be made: its description and how, by its thresholds.</summary>
public sealed record FindingRegistration(FindingInfo Info, Func<ProbeHost, FindingSettings, FindingRule> Create);

/// <summary>Every kind of finding, in the order in which they are listed. The only registry.</summary>
public static class AllFindings
{
    public static IReadOnlyList<FindingRegistration> List { get; } =
    [
        new(AcceptorStarved.Kind, static (host, own) => new AcceptorStarved(host, own)),
        new(AcceptQueueOverflow.Kind, static (host, own) => new AcceptQueueOverflow(host, own)),
        new(ReuseportSkew.Kind, static (host, own) => new ReuseportSkew(host, own)),
        new(AcceptQueueFilling.Kind, static (host, own) => new AcceptQueueFilling(host, own)),
        new(SynQueueFull.Kind, static (host, _) => new SynQueueFull(host)),
        new(SynCookiesUnderLoad.Kind, static (host, own) => new SynCookiesUnderLoad(host, own)),
        new(SynFlood.Kind, static (host, own) => new SynFlood(host, own)),
        new(ListenDropNotOverflow.Kind, static (host, own) => new ListenDropNotOverflow(host, own)),
        new(NobodyListens.Kind, static (host, own) => new NobodyListens(host, own)),
        new(ClientPortReuse.Kind, static (host, own) => new ClientPortReuse(host, own)),
        new(ConnectRefused.Kind, static (host, own) => new ConnectRefused(host, own)),
        new(ConnectTimeout.Kind, static (host, own) => new ConnectTimeout(host, own)),
        new(SlowHandshake.Kind, static (host, own) => new SlowHandshake(host, own)),
        new(ConnectNoRoute.Kind, static (host, own) => new ConnectNoRoute(host, own)),
        new(ConnectHostUnreachable.Kind, static (host, own) => new ConnectHostUnreachable(host, own)),
        new(AdministrativelyRejected.Kind, static (host, own) => new AdministrativelyRejected(host, own)),
        new(EphemeralPortsExhausted.Kind, static (host, _) => new EphemeralPortsExhausted(host)),
        new(EphemeralPortsFilling.Kind, static (host, own) => new EphemeralPortsFilling(host, own)),
        new(SnatExhaustion.Kind, static (host, _) => new SnatExhaustion(host)),
        new(ConntrackFull.Kind, static (host, _) => new ConntrackFull(host)),
        new(UdpOverflow.Kind, static (host, own) => new UdpOverflow(host, own)),
        new(UdpSendOverflow.Kind, static (host, own) => new UdpSendOverflow(host, own)),
        new(UdpMemory.Kind, static (host, own) => new UdpMemory(host, own)),
        new(SlowReader.Kind, static (host, own) => new SlowReader(host, own)),
        new(PeerSlowReader.Kind, static (host, own) => new PeerSlowReader(host, own)),
        new(ReceivePruning.Kind, static (host, own) => new ReceivePruning(host, own)),
        new(TcpMemory.Kind, static (host, _) => new TcpMemory(host)),
        new(Orphans.Kind, static (host, own) => new Orphans(host, own)),
        new(CloseWaitLeak.Kind, static (host, own) => new CloseWaitLeak(host, own)),
        new(TimeWaitOverflow.Kind, static (host, _) => new TimeWaitOverflow(host)),
        new(OldTimestamps.Kind, static (host, own) => new OldTimestamps(host, own)),
        new(UnreadData.Kind, static (host, own) => new UnreadData(host, own)),
        new(LingerZero.Kind, static (host, own) => new LingerZero(host, own)),
        new(MemoryReset.Kind, static (host, _) => new MemoryReset(host)),
        new(DeadPeer.Kind, static (host, own) => new DeadPeer(host, own)),
        new(TimeWaitReset.Kind, static (host, own) => new TimeWaitReset(host, own)),
        new(IdleReset.Kind, static (host, own) => new IdleReset(host, own)),
        new(PeerReset.Kind, static (host, own) => new PeerReset(host, own)),
        new(MtuBlackHole.Kind, static (host, own) => new MtuBlackHole(host, own)),
        new(ChallengeAcks.Kind, static (host, own) => new ChallengeAcks(host, own)),
        new(LocalDrop.Kind, static (host, own) => new LocalDrop(host, own)),
        new(RetransmitFailed.Kind, static (host, own) => new RetransmitFailed(host, own)),
        new(PathLoss.Kind, static (host, own) => new PathLoss(host, own)),
        new(Spurious.Kind, static (host, own) => new Spurious(host, own)),
        new(Reordering.Kind, static (host, own) => new Reordering(host, own)),
        new(RtoBound.Kind, static (host, own) => new RtoBound(host, own)),
        new(BadChecksum.Kind, static (host, own) => new BadChecksum(host, own)),
        new(ConntrackFilling.Kind, static (host, own) => new ConntrackFilling(host, own)),
        new(ConntrackRace.Kind, static (host, own) => new ConntrackRace(host, own)),
        new(ConntrackInvalid.Kind, static (host, own) => new ConntrackInvalid(host, own)),
        new(NetfilterDrop.Kind, static (host, own) => new NetfilterDrop(host, own)),
        new(NeighbourFull.Kind, static (host, _) => new NeighbourFull(host)),
        new(NeighbourUnresolved.Kind, static (host, own) => new NeighbourUnresolved(host, own)),
        new(AddressMoves.Kind, static (host, _) => new AddressMoves(host)),
        new(ReversePathFilter.Kind, static (host, own) => new ReversePathFilter(host, own)),
        new(Martian.Kind, static (host, own) => new Martian(host, own)),
        new(RoutingLoop.Kind, static (host, own) => new RoutingLoop(host, own)),
        new(NotForwarding.Kind, static (host, own) => new NotForwarding(host, own)),
        new(NoRouteIn.Kind, static (host, own) => new NoRouteIn(host, own)),
        new(PacketTooBig.Kind, static (host, own) => new PacketTooBig(host, own)),
        new(ReassemblyFails.Kind, static (host, own) => new ReassemblyFails(host, own)),
        new(QdiscDrop.Kind, static (host, own) => new QdiscDrop(host, own)),
        new(QueueingDelay.Kind, static (host, own) => new QueueingDelay(host, own)),
        new(LinkFlap.Kind, static (host, own) => new LinkFlap(host, own)),
        new(FullRing.Kind, static (host, own) => new FullRing(host, own)),
        new(ProgramDrop.Kind, static (host, own) => new ProgramDrop(host, own)),
        new(VirtCommandSlow.Kind, static (host, own) => new VirtCommandSlow(host, own)),
        new(BacklogOverflow.Kind, static (host, own) => new BacklogOverflow(host, own)),
        new(BudgetSqueeze.Kind, static (host, own) => new BudgetSqueeze(host, own)),
        new(SoftirqLate.Kind, static (host, own) => new SoftirqLate(host, own)),
        new(QuotaThrottled.Kind, static (host, own) => new QuotaThrottled(host, own)),
        new(NoisyNeighbour.Kind, static (host, own) => new NoisyNeighbour(host, own)),
        new(MemoryStall.Kind, static (host, own) => new MemoryStall(host, own)),
        new(DiskSlow.Kind, static (host, own) => new DiskSlow(host, own)),
        new(DnsLateAnswer.Kind, static (host, own) => new DnsLateAnswer(host, own)),
        new(DnsServerSilent.Kind, static (host, own) => new DnsServerSilent(host, own)),
        new(DnsFiveSeconds.Kind, static (host, own) => new DnsFiveSeconds(host, own)),
        new(DnsServfail.Kind, static (host, own) => new DnsServfail(host, own)),
        new(DnsSlow.Kind, static (host, own) => new DnsSlow(host, own)),
        new(DnsNxdomain.Kind, static (host, own) => new DnsNxdomain(host, own)),
    ];

    /// <summary>What they are, without how they are made.</summary>
    public static IReadOnlyList<FindingInfo> Kinds { get; } = [.. List.Select(f => f.Info)];

    /// <summary>The rules of a node.</summary>
    /// <param name="host">The node.</param>
    /// <param name="choose">The thresholds of a kind; null: it is not looked for.</param>
    public static FindingRule[] Rules(ProbeHost host, Func<FindingInfo, FindingSettings?> choose)
    {
        var rules = new List<FindingRule>();
        foreach (var (info, create) in List)
        {
            if (choose(info) is { } own)
                rules.Add(create(host, own));
        }
        return [.. rules];
    }
}
