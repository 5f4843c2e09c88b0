using System.Net;
using System.Net.Sockets;
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

    /// <summary>One of two workers hangs: nine of its ten places are taken, and none of the other's.</summary>
    [RequiresBpfTheory("ss")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public void A_worker_that_does_not_accept_beside_one_that_does(string any)
    {
        var run = FindingRun.Shared;
        using var lab = new SocketLab(new TestNetns());
        var address = IPAddress.Parse(any);
        var self = address.Equals(IPAddress.Any) ? IPAddress.Loopback : IPAddress.IPv6Loopback;
        // By itself it gets them all.
        lab.Listen(address, 8080, 10, share: true);
        for (var i = 0; i < 9; i++)
            lab.Connect(self, 8080);
        lab.Listen(address, 8080, 10, share: true);
        run.Collect();
        var found = run.Await(ReuseportSkew.Kind, lab.Ns, static () => { });
        var end = address.Equals(IPAddress.Any) ? "0.0.0.0:8080" : "[::]:8080";
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(end);
        found.Sentence.ShouldBe($"network namespace {lab.Ns.Name} lets 9 connections wait at one of 2 sockets that share "
            + $"{end}, where 10 may, and 0 at the others together: one worker does not accept");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {lab.Ns.Name} ss -ltnpe sport = :8080");
        var waiting = lab.Ns.Run("ss", "-Hltn", "sport = :8080").Trim().Split('\n')
            .Select(static l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1]);
        waiting.ShouldBe(["9", "0"], ignoreOrder: true);
        // That a queue is nearly full is the same once more.
        run.Of(lab.Ns).ShouldBe([found]);
        run.AllOf(lab.Ns).Where(f => f != found).ShouldAllBe(f => f.Info == AcceptQueueFilling.Kind && f.Cause == found);
    }

    [RequiresBpfFact]
    public void Workers_that_share_a_port_and_accept_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var lab = new SocketLab(new TestNetns());
        Socket[] workers =
            [lab.Listen(IPAddress.Any, 8080, 10, share: true), lab.Listen(IPAddress.Any, 8080, 10, share: true)];
        run.ShouldBeSilent(
            () =>
            {
                // Each has a few that wait a moment, which are no sign of anything.
                for (var i = 0; i < 4; i++)
                    lab.Connect(IPAddress.Loopback, 8080);
                foreach (var worker in workers)
                {
                    while (worker.Poll(0, SelectMode.SelectRead))
                        worker.Accept().Dispose();
                }
            },
            lab.Ns);
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
