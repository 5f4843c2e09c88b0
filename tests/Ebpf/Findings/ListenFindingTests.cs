using System.Net;
using Collector.Core.Events;
using Collector.Linux.Findings.Listeners;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Faults of listeners, caused, and what is found of them.</summary>
public sealed class ListenFindingTests
{
    [RequiresBpfFact("nstat")]
    public void A_program_that_does_not_accept()
    {
        var run = FindingRun.Shared;
        using var lab = new SocketLab(new TestNetns());
        lab.Listen(IPAddress.Any, 8080, 1);
        run.Collect();
        var found = run.Await(AcceptQueueOverflow.Kind, lab.Ns, () =>
        {
            for (var i = 0; i < 6; i++)
                lab.BeginConnect(IPAddress.Loopback, 8080);
        }, static f => f.Severity == EventSeverity.Error);
        found.Subject!.Inode.ShouldBe(lab.Ns.Inode);
        found.Verdict.Detail.ShouldBe("0.0.0.0:8080");
        found.Sentence.ShouldBe($"network namespace {lab.Ns.Name} drops handshakes at 0.0.0.0:8080: the program accepts "
            + "too slowly, 2 connections wait, 1 may");
        found.Verdict.Evidence[0].Source.ShouldBe("ListenOverflows");
        found.Verdict.Knob.ShouldNotBeNull().Whose.ShouldBe("the program");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {lab.Ns.Name} ss -ltn sport = :8080");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        TcpLab.Nstat(lab.Ns, "TcpExtListenOverflows").ShouldBeGreaterThan(0);
        run.Active(AcceptQueueOverflow.Kind, lab.Ns).ShouldBe(1);
        // And nothing else is said to be wrong there.
        run.Of(lab.Ns).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void A_program_that_accepts_yields_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        run.ShouldBeSilent(
            () =>
            {
                foreach (var ends in TcpLab.All)
                {
                    var (client, server) = TcpLab.Connect(pair, ends);
                    client.Dispose();
                    server.Dispose();
                }
            },
            pair.Left, pair.Right);
    }
}
