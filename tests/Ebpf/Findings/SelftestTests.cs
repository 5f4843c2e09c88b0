using System.Net.Sockets;
using Collector.Core.Findings;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Resets;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Findings;
using Ebpf.Tests.Lab;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ebpf.Tests.Findings;

/// <summary>Every fault that an operator can cause to see what this kernel shows of it.</summary>
public sealed class SelftestTests
{
    [RequiresBpfFact]
    public void Each_fault_is_shown_by_its_metric_its_event_and_its_finding_alone()
    {
        using var selftest = Make(TimeSpan.FromMinutes(2));
        var results = selftest.Run(AllFaults.List, static _ => { }, CancellationToken.None).ToArray();
        results.Length.ShouldBe(AllFaults.List.Count);
        // Beside eleven others, on an emulated machine that hardly runs, one may come too late: it is shown by itself.
        var late = results.Where(static r => !r.Passed && !r.IsBeyond).Select(static r => r.Fault).ToArray();
        late.Length.ShouldBeLessThanOrEqualTo(LabMachine.Kernel is null ? 1 : 3);
        results = [.. results.Where(r => !late.Contains(r.Fault)),
            .. selftest.Run(late, static _ => { }, CancellationToken.None)];
        results.Where(static r => !r.Passed && !r.IsBeyond).Select(Describe).ShouldBeEmpty();
        // Each says which fault it is of, and where.
        foreach (var result in results.Where(static r => r.Passed))
        {
            result.Sentence.ShouldStartWith(result.Fault.AtClient ? "the client " : "the server ");
            result.SeenBy.ShouldNotBeEmpty();
        }
        // What a kernel cannot show has its reason.
        results.Where(static r => r.IsBeyond).ShouldAllBe(static r => r.Reason.Length > 0);
        // With type information, reasons for drops are all that an older kernel lacks.
        var beyond = results.Where(static r => r.IsBeyond).Select(static r => r.Fault.Finding.Kind);
        if (LabMachine.Btf != "none")
            beyond.ShouldBeSubsetOf(["martian"]);
        results.Count(static r => r.Passed).ShouldBeGreaterThan(AllFaults.List.Count / 2);
    }

    [RequiresBpfFact]
    public void Connections_between_its_namespaces_that_want_nothing_yield_nothing()
    {
        using var selftest = Make(TimeSpan.FromSeconds(4));
        // As for any fault, but nothing is wrong.
        FindingInfo[] kinds = [AcceptQueueOverflow.Kind, ConnectRefused.Kind, UnreadData.Kind];
        var healthy = AllFaults.List.Where(f => kinds.Contains(f.Finding)).Select(static f => f with { Cause = Talk });
        foreach (var result in selftest.Run(healthy, static _ => { }, CancellationToken.None))
        {
            (result.Passed, result.IsBeyond, result.Reason).ShouldBe((false, false, ""));
            (result.Metric, result.Event, result.Finding).ShouldBe((null, null, null), Describe(result));
            result.Others.ShouldBeEmpty();
        }
    }

    private static void Talk(FaultPair pair)
    {
        pair.Listener ??= pair.Server.Listen(FaultPair.Port, 64);
        foreach (var (client, server) in pair.Connect(pair.Listener))
        {
            client.Send("question"u8);
            server.Receive(new byte[8]).ShouldBe(8);
            client.Shutdown(SocketShutdown.Send);
            server.Receive(new byte[1]).ShouldBe(0);
            server.Dispose();
            client.Receive(new byte[1]).ShouldBe(0);
            client.Dispose();
        }
    }

    private static Selftest Make(TimeSpan patience)
    {
        // Other tests may have programs in the kernel at the same time.
        var options = new AgentOptions { Budget = new() { Cpu = 0 } };
        return new Selftest(options, events => new NodeCollector(
            NodeFactory.Create(options.Paths, options.Ebpf, null, options.Limits, events), options, TimeProvider.System,
            NullLogger.Instance))
        {
            Patience = patience,
        };
    }

    private static string Describe(SelftestResult r) => $"{r.Fault.Finding.Kind}: metric {r.Metric}, event {r.Event} "
        + $"({r.SeenBy}), finding {r.Finding}, others {string.Join(", ", r.Others)}, {r.Reason}: {r.Sentence}";
}
