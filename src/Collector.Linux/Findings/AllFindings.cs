using Collector.Core.Findings;
using Collector.Linux.Findings.Cpu;
using Collector.Linux.Findings.Devices;
using Collector.Linux.Findings.Dns;
using Collector.Linux.Findings.Listeners;
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
        new(AcceptQueueOverflow.Kind, static host => new AcceptQueueOverflow(host)),
        new(AcceptQueueFilling.Kind, static host => new AcceptQueueFilling(host)),
        new(ConntrackFull.Kind, static host => new ConntrackFull(host)),
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
        new(DnsServerSilent.Kind, static host => new DnsServerSilent(host)),
        new(DnsFiveSeconds.Kind, static host => new DnsFiveSeconds(host)),
        new(DnsServfail.Kind, static host => new DnsServfail(host)),
        new(DnsSlow.Kind, static host => new DnsSlow(host)),
        new(DnsNxdomain.Kind, static host => new DnsNxdomain(host)),
    ];
}
