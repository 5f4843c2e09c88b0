using Collector.Core.Probes;

namespace Collector.Linux.Probes;

/// <summary>A probe that can be made: its description and how.</summary>
public sealed record ProbeRegistration(ProbeInfo Info, Func<LinuxHost, ProbeSettings, Probe> Create);

/// <summary>Every Linux probe, in the order in which they are collected and listed. The only registry.</summary>
public static class AllProbes
{
    public static IReadOnlyList<ProbeRegistration> List { get; } =
    [
        new(Netdev.Info, static (host, settings) => new Netdev(host, settings)),
        new(Qdisc.Info, static (host, settings) => new Qdisc(host, settings)),
        new(TcpSummary.Info, static (host, settings) => new TcpSummary(host, settings)),
        new(Conntrack.Info, static (host, settings) => new Conntrack(host, settings)),
        new(Fd.Info, static (host, settings) => new Fd(host, settings)),
        new(Io.Info, static (host, settings) => new Io(host, settings)),
    ];
}
