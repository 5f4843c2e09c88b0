using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Retransmissions;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Resets for each of their reasons, and which of them is found.</summary>
public sealed class ResetFindingTests
{
    private const int TCP_USER_TIMEOUT = 18;

    [RequiresBpfFact("nstat")]
    public void A_program_closes_without_reading()
    {
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            var run = FindingRun.Shared;
            using var traffic = new FindingTraffic(ends);
            run.Collect();
            var found = run.Await(UnreadData.Kind, traffic.Right, () =>
            {
                foreach (var (client, server) in traffic.Connect(12))
                {
                    client.Send("unread"u8);
                    BpfProbeRun.Eventually(() => server.Available.ShouldBe(6));
                    server.Dispose();
                }
            }, static f => f.Severity == EventSeverity.Error);
            found.Verdict.Detail.ShouldBe(traffic.Service);
            found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} closes connections at "
                + $@"{traffic.Service.Replace("[", @"\[").Replace("]", @"\]")} before it has read all, \d+ of \d+: "
                + "peers get resets, and may lose the answer$");
            found.Verdict.Evidence[0].Source.ShouldBe("TCPAbortOnClose");
            found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            TcpLab.Nstat(traffic.Right, "TcpExtTCPAbortOnClose").ShouldBeGreaterThan(11);
            run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
        }
    }

    [RequiresBpfFact("nstat")]
    public void A_program_ends_connections_on_purpose()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        var found = run.Await(LingerZero.Kind, traffic.Right, () =>
        {
            foreach (var (_, server) in traffic.Connect(8))
            {
                server.LingerState = new LingerOption(enable: true, 0);
                server.Dispose();
            }
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(traffic.Service);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} ends connections at {traffic.Service} "
            + @"by resets, "
            + @"\d+ of \d+: the program wants it so \(SO_LINGER of 0\), and peers lose what they have not read$");
        found.Verdict.Knob.ShouldNotBeNull().Name.ShouldBe("SO_LINGER");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        TcpLab.Nstat(traffic.Right, "TcpExtTCPAbortOnData").ShouldBeGreaterThan(7);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    /// <summary>As of a client that was started anew behind a NAT, and chooses the ports that it had.</summary>
    [RequiresBpfFact("nstat")]
    public void Connections_that_are_begun_again_while_they_are_open()
    {
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            var run = FindingRun.Shared;
            using var traffic = new FindingTraffic(ends);
            var open = traffic.Connect(12);
            run.Collect();
            var found = run.Await(ChallengeAcks.Kind, traffic.Right, () =>
            {
                foreach (var (client, _) in open)
                {
                    var from = (IPEndPoint)client.LocalEndPoint!;
                    ResetInjector.SendSyn(
                        traffic.Left, TcpLab.Left(ends), from.Port, TcpLab.Right(ends), FindingTraffic.Port);
                }
            });
            found.Severity.ShouldBe(EventSeverity.Warn);
            found.Verdict.Detail.ShouldBe("SYN");
            found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} gets SYNs for connections that are open "
                + @"already, \d+ of \d+ segments: clients, or a NAT before them, use ports again whose connections never ");
            found.Verdict.Evidence[0].Source.ShouldBe("TCPChallengeACK");
            TcpLab.Nstat(traffic.Right, "TcpExtTCPChallengeACK").ShouldBeGreaterThan(9);
            TcpLab.Nstat(traffic.Right, "TcpExtTCPSYNChallenge").ShouldBeGreaterThan(9);
            run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
            // They are open still.
            var (one, other) = open[0];
            FindingTraffic.Transfer(one, other, 1000);
        }
    }

    /// <summary>New ones, and some that are reset: what each busy server sees.</summary>
    [RequiresBpfFact("nstat")]
    public void Connections_that_begin_and_end_are_not_asked_back()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.ShouldBeSilent(
            () =>
            {
                foreach (var (client, server) in traffic.Connect(20))
                {
                    FindingTraffic.Transfer(client, server, 1000);
                    client.Shutdown(SocketShutdown.Send);
                    server.Receive(new byte[1]).ShouldBe(0);
                    server.Dispose();
                    client.Dispose();
                }
            },
            traffic.Left, traffic.Right);
        TcpLab.Nstat(traffic.Right, "TcpExtTCPChallengeACK").ShouldBeLessThan(10);
    }

    [RequiresBpfFact("nstat")]
    public void Something_on_the_way_resets_connections()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        var found = run.Await(PeerReset.Kind, traffic.Left, () =>
        {
            for (var i = 0; i < 12; i++)
            {
                var (client, _) = traffic.Connect();
                using var injector = new ResetInjector(traffic.Right, InjectAt.Data, FindingTraffic.Port);
                client.Send("x"u8);
                injector.Await();
            }
        }, static f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(traffic.Service);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} has open connections to "
            + $@"{traffic.Service} reset by "
            + $@"the other end, \d+ of them: {traffic.Service} or something before it ended them$");
        found.Verdict.RuledOut.ShouldContain("the resets were not sent on this node");
        TcpLab.Nstat(traffic.Left, "TcpEstabResets").ShouldBeGreaterThan(9);
        run.Of(traffic.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("nft")]
    public void Connections_that_were_idle_are_forgotten()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        // Six for each of the times that they are used.
        var clients = traffic.Connect(90).Select(static c => c.Client).ToArray();
        run.Collect();
        // As long as a time-out of a NAT for tests is.
        Thread.Sleep(TimeSpan.FromSeconds(11));
        // It has forgotten them: nothing passes, and it answers with resets.
        TcpLab.Drop(traffic.Right, "meta l4proto tcp drop");
        var used = 0;
        var found = run.Await(IdleReset.Kind, traffic.Left, () =>
        {
            foreach (var client in clients.Skip(used).Take(6))
            {
                using var injector = new ResetInjector(traffic.Right, InjectAt.Data, FindingTraffic.Port);
                client.Send("again"u8);
                injector.Await();
            }
            used += 6;
        }, static f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(traffic.Service);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} has \d+ connections to {traffic.Service} "
            + @"reset after \d+ s idle: the other end closed them, or something before it \(NAT, firewall, "
            + @"balancer\) forgot them$");
        found.Verdict.Knob.ShouldNotBeNull().Name.ShouldBe("net.ipv4.tcp_keepalive_time");
        run.Of(traffic.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("ss")]
    public void Peers_send_to_what_was_closed()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        var found = run.Await(TimeWaitReset.Kind, traffic.Right, () =>
        {
            var clients = traffic.Connect(8).Select(c =>
            {
                c.Server.Dispose();
                c.Client.Receive(new byte[1]).ShouldBe(0);
                return c.Client;
            }).ToArray();
            BpfProbeRun.Eventually(() => traffic.Right.Run("ss", "-Htn", "state", "fin-wait-1").ShouldBeEmpty());
            foreach (var client in clients)
                client.Send("late"u8);
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(traffic.Service);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} closes connections at {traffic.Service} "
            + @"that the "
            + @"other end still sends to: \d+ segments were answered with resets, what they asked for is lost$");
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat")]
    public void Peers_that_are_gone()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        traffic.MakeAbyss();
        var connections = traffic.Connect(6, static s => FindingTraffic.Set(s, TCP_USER_TIMEOUT, 6000));
        run.Collect();
        traffic.OpenAbyss();
        // Sent again for the last time after 3 s, and given up after 6: by then that is of an earlier window.
        foreach (var (client, _) in connections)
            client.Send("anybody"u8);
        var found = run.Await(DeadPeer.Kind, traffic.Left, static () => { });
        found.Severity.ShouldBeOneOf(EventSeverity.Warn, EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} gets no answer any more on open "
            + @"connections to "
            + $@"{traffic.Service}: \d+ were given up, \d+ have waited for over 10 s$");
        found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe("15");
        BpfProbeRun.Eventually(() => TcpLab.Nstat(traffic.Left, "TcpExtTCPAbortOnTimeout").ShouldBe(6));
        run.Of(traffic.Left, traffic.Right).ShouldBe([found], $"{found}, because of {found.Cause}");
    }

    [RequiresOwnMachineFact("nstat")]
    public void There_are_more_closed_connections_than_may_be()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        var found = Setting.While("net.ipv4.tcp_max_orphans", "0", () => run.Await(MemoryReset.Kind, traffic.Right, () =>
        {
            foreach (var (_, server) in traffic.Connect(4))
                server.Dispose();
        }));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} has connections reset by the kernel, "
            + @"\d+ in \d+ s: "
            + "too many were closed with data still to be sent$");
        found.Verdict.Knob.ShouldNotBeNull().Name.ShouldBe("net.ipv4.tcp_max_orphans");
        TcpLab.Nstat(traffic.Right, "TcpExtTCPAbortOnMemory").ShouldBeGreaterThan(0);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void Connections_that_end_in_order_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.ShouldBeSilent(() =>
        {
            foreach (var (client, server) in traffic.Connect(20))
            {
                client.Send("question"u8);
                FindingTraffic.Receive(server, 8);
                server.Send("answer"u8);
                FindingTraffic.Receive(client, 6);
                client.Shutdown(SocketShutdown.Send);
                server.Receive(new byte[1]).ShouldBe(0);
                server.Dispose();
                client.Receive(new byte[1]).ShouldBe(0);
                client.Dispose();
            }
        }, traffic.Left, traffic.Right);
    }
}
