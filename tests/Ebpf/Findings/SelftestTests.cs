using System.Diagnostics;
using System.Net.Sockets;
using Collector.Core.Findings;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Devices;
using Collector.Linux.Findings.Dns;
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
        // With type information, reasons for drops are all that an older kernel lacks; the module is for others to load.
        var beyond = results.Where(static r => r.IsBeyond).Select(static r => r.Fault.Finding.Kind);
        if (LabMachine.Btf != "none")
        {
            beyond.ShouldBeSubsetOf(
                File.Exists("/proc/sys/net/netfilter/nf_conntrack_max") ? ["martian"] : ["martian", "conntrack-invalid"]);
        }
        results.Count(static r => r.Passed).ShouldBeGreaterThan(AllFaults.List.Count / 2);
    }

    [RequiresBpfFact]
    public void What_the_configuration_does_not_ask_for_is_not_caused_and_said()
    {
        FindingInfo[] kinds = [LinkFlap.Kind, DnsServerSilent.Kind, DnsLateAnswer.Kind];
        var options = new AgentOptions { Budget = new() { Cpu = 0 } };
        using var selftest = Make(options, TimeSpan.FromMinutes(1));
        var results = selftest.Run(
            AllFaults.List.Where(f => kinds.Contains(f.Finding)), static _ => { }, CancellationToken.None).ToArray();
        results.ShouldAllBe(static r => r.IsUnasked && !r.Failed && r.Metric == null && r.Finding == null);
        results.Select(static r => $"{r.Fault.Finding.Kind}: {r.Reason}").ShouldBe([
            "dns-server-silent: probes.dns is off", "dns-late-answer: probes.dns is off",
            "link-flap: probes.netdev.devices names no device of a pod",
        ]);
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

    [RequiresBpfFact]
    public void A_fault_goes_on_for_as_long_as_is_wanted_and_ends()
    {
        using var selftest = Make(TimeSpan.FromMinutes(2), lasting: TimeSpan.FromSeconds(15));
        var rounds = 0;
        var fault = AllFaults.List.Single(static f => f.Finding.Kind == "udp-receive-overflow");
        var counted = fault with
        {
            Cause = pair =>
            {
                rounds++;
                fault.Cause(pair);
            },
        };
        var clock = Stopwatch.StartNew();
        var result = selftest.Run([counted], static _ => { }, CancellationToken.None).Single();
        clock.Elapsed.ShouldBeGreaterThan(TimeSpan.FromSeconds(15));
        result.Passed.ShouldBeTrue(Describe(result));
        // Once per collection.
        rounds.ShouldBeGreaterThan(result.FindingCollection);
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

    // Other tests may have programs in the kernel at the same time.
    private static Selftest Make(TimeSpan patience, TimeSpan lasting = default) =>
        Make(Selftest.WithAll(new AgentOptions { Budget = new() { Cpu = 0 } }), patience, lasting);

    private static Selftest Make(AgentOptions options, TimeSpan patience, TimeSpan lasting = default) => new(options, events => new NodeCollector(
        NodeFactory.Create(options.Paths, options.Ebpf, null, options.Limits, events), options, TimeProvider.System,
        NullLogger.Instance))
    {
        Patience = patience,
        Lasting = lasting,
    };

    private static string Describe(SelftestResult r) => $"{r.Fault.Finding.Kind}: metric {r.Metric}, event {r.Event} "
        + $"({r.SeenBy}), finding {r.Finding}, others {string.Join(", ", r.Others)}, {r.Reason}: {r.Sentence}";
}
