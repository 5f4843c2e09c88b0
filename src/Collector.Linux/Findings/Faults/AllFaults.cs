using Collector.Linux.Findings.Listeners;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Faults;

/// <summary>Every fault that <c>netlens selftest</c> can cause. The only registry.</summary>
public static class AllFaults
{
    public static IReadOnlyList<Fault> List { get; } =
    [
        new(AcceptQueueOverflow.Kind, TcpExt.Of("TcpExt", "ListenOverflows"), ListenKinds.Overflow,
            "six connects to a listener of one place that accepts nobody", SocketFaults.FillAcceptQueue),
    ];
}
