using Collector.Linux.Findings.Faults;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Findings;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ebpf.Tests.Findings;

/// <summary>Every fault that an operator can cause to see what this kernel shows of it.</summary>
public sealed class SelftestTests
{
    [RequiresBpfFact]
    public void Each_fault_is_shown_by_its_metric_its_event_and_its_finding_alone()
    {
        // Other tests may have programs in the kernel at the same time.
        var options = new AgentOptions { Budget = new() { Cpu = 0 } };
        using var selftest = new Selftest(options, events => new NodeCollector(
            NodeFactory.Create(options.Paths, options.Ebpf, null, options.Limits, events), options, TimeProvider.System,
            NullLogger.Instance));
        foreach (var fault in AllFaults.List)
        {
            var result = selftest.Run(fault, CancellationToken.None);
            var seen = $"{fault.Finding.Kind}: metric {result.Metric}, event {result.Event} ({result.Hooks}), finding "
                + $"{result.Finding}, others {string.Join(", ", result.Others)}: {result.Sentence}";
            result.Passed.ShouldBeTrue(seen);
        }
    }
}
