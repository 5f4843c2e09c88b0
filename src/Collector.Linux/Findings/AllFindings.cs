using Collector.Core.Findings;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Ports;
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
    ];
}
