using Collector.Core.Findings;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Ports;
using Collector.Linux.Findings.Buffers;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Retransmissions;
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
    ];
}
