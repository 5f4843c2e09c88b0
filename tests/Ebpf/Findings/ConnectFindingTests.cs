using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Listeners;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Connects that fail or come late, really caused, and what is found of them.</summary>
public sealed class ConnectFindingTests
{
    private static readonly IPAddress Nobody = IPAddress.Parse("192.0.2.77");
    private static readonly IPAddress Nobody6 = IPAddress.Parse("2001:db8::77");

    /// <summary>What is the same for each: whose it is, who asked, and that it is the only one.</summary>
    private static void ShouldBeAlone(
        FindingRun run, Finding found, TestNetns ns, string detail, string sentence, string? confirm = null)
    {
        found.Subject!.Inode.ShouldBe(ns.Inode);
        found.Verdict.Detail.ShouldBe(detail);
        found.Sentence.ShouldMatch($"^network namespace {ns.Name} {sentence}$");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        found.Verdict.Confirm.ShouldStartWith(confirm ?? $"ip netns exec {ns.Name} ");
        run.Of(ns).Select(f => $"{f.Info.Kind}: {f.Sentence}").ShouldBe([$"{found.Info.Kind}: {found.Sentence}"]);
    }

    [RequiresBpfTheory("nft", "nstat")]
    [InlineData(Ends.V4, "192.0.2.2:81")]
    [InlineData(Ends.V6, "[2001:db8::2]:81")]
    public void A_host_that_refuses_and_lies_elsewhere(Ends ends, string peer)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        // As of a host on another node: nothing is known of its end, and a rule answers as its stack would.
        TcpLab.Drop(pair.Right, "tcp dport 81 reject with tcp reset");
        run.Collect();
        var found = run.Await(
            ConnectRefused.Kind, pair.Left, () => Refuse(pair.Left, TcpLab.Right(ends), 81, 12),
            static f => f.Severity == EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Left, peer, $@"is refused by {RegexOf(peer)}: it answers with resets, \d+ connects "
            + @"in \d+ s failed");
        found.Verdict.Evidence[0].ToString().ShouldMatch(@"ECONNREFUSED.* \+\d+ in ");
        found.Verdict.RuledOut[0].ShouldStartWith("the way there: it answered within");
        TcpLab.Nstat(pair.Left, "TcpAttemptFails").ShouldBeGreaterThanOrEqualTo(24);
    }

    /// <summary>The end where nobody listens says why, and explains what its client finds.</summary>
    [RequiresBpfFact("nstat")]
    public void A_server_that_ended_is_found_where_it_was()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        var server = TcpLab.Listen(pair.Right, Ends.V4);
        var port = TcpLab.Port(server.LocalEndPoint);
        run.Collect();
        server.Dispose();
        var found = run.Await(
            NobodyListens.Kind, pair.Right, () => Refuse(pair.Left, TcpLab.Right(Ends.V4), port, 12),
            static f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe($"192.0.2.2:{port}");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} refuses connections at 192\.0\.2\.2:{port}: nobody "
            + @"listens there since [\d.]+ s, \d+ SYNs in \d+ s were answered with a reset$");
        found.Verdict.Evidence[1].ToString().ShouldBe("asked by 192.0.2.1");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Right.Name} ss -ltnp sport = :{port}");
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBeGreaterThanOrEqualTo(24);
        var client = run.Await(
            ConnectRefused.Kind, pair.Left, () => Refuse(pair.Left, TcpLab.Right(Ends.V4), port, 12));
        client.Cause.ShouldBe(found);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    private static void Refuse(TestNetns ns, IPAddress to, int port, int times)
    {
        for (var i = 0; i < times; i++)
            ConnectLab.Fail(ns, to, port).ShouldBe(SocketError.ConnectionRefused);
    }

    [RequiresBpfFact("ip", "nstat")]
    public void SYNs_that_nobody_answers()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        ConnectLab.KeepRetriesShort(pair.Left);
        LoseOnTheWay(pair.Left, Nobody);
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(ConnectTimeout.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 3; i++)
                left.Add(ConnectLab.Begin(pair.Left, Nobody, 81, 1));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Left, "192.0.2.77:81", @"gets no answer from 192\.0\.2\.77:81: \d+ connects in \d+ s "
            + @"failed after up to [\d.]+ s and 2 SYNs");
        found.Verdict.Evidence[0].Source.ShouldBe("SYN_SENT to CLOSE, ETIMEDOUT");
        found.Verdict.Confirm.ShouldEndWith(" timeout 30 tcpdump -c 20 -nn host 192.0.2.77 and tcp");
        TcpLab.Nstat(pair.Left, "TcpExtTCPSynRetrans").ShouldBeGreaterThanOrEqualTo(3);
    }

    /// <summary>What a program sees that has a time-out of its own.</summary>
    [RequiresBpfFact("ip", "nstat")]
    public void SYNs_that_nobody_answers_and_callers_that_give_up()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        LoseOnTheWay(pair.Left, Nobody6);
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(ConnectTimeout.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 3; i++)
                left.Add(ConnectLab.Begin(pair.Left, Nobody6, 81));
            left.CloseAfter(TimeSpan.FromSeconds(1.5));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Left, "[2001:db8::77]:81", @"gets no answer from \[2001:db8::77\]:81: \d+ connects in "
            + @"\d+ s failed after up to [\d.]+ s and [23] SYNs");
        found.Verdict.Evidence[0].Source.ShouldBe("SYN_SENT to CLOSE, given up by the caller");
    }

    // A hardware address that nobody has: the frames leave, and no stack takes them.
    private static void LoseOnTheWay(TestNetns ns, IPAddress to) =>
        ns.Ip($"neigh add {to} lladdr 02:00:00:00:00:77 dev {TestNetnsPair.Interface} nud permanent");

    private static void Blackhole(TestNetns ns, string match) => ns.Run("nft", "add table netdev t; add chain netdev t i "
        + $"{{ type filter hook ingress device {TestNetnsPair.Interface} priority 0; }}; add rule netdev t i {match} drop");

    [RequiresBpfFact("nft", "nstat")]
    public void SYNs_that_are_lost_once_make_handshakes_slow()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 4096);
        // Each source port's first SYN.
        pair.Right.Run("nft", "add table inet t; add set inet t seen { type inet_service; flags dynamic; }; "
            + "add chain inet t i { type filter hook prerouting priority -300; }; "
            + "add rule inet t i tcp dport 8080 tcp flags & (syn|ack) == syn "
            + "tcp sport != @seen add @seen { tcp sport } drop");
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(SlowHandshake.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 12; i++)
                left.Add(ConnectLab.Begin(pair.Left, TcpLab.Right(Ends.V4), 8080));
        }, static f => f.Severity == EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Left, "192.0.2.2:8080", @"waits long to connect to 192\.0\.2\.2:8080: \d+ connects in "
            + @"\d+ s took up to [\d.]+ s, SYNs or their answers get lost");
        found.Verdict.Evidence.ShouldContain(e => e.Source == "TCPSynRetrans");
        TcpLab.Nstat(pair.Left, "TcpExtTCPSynRetrans").ShouldBeGreaterThanOrEqualTo(10);
    }

    [RequiresNetemFact]
    public void An_answer_that_comes_late_is_told_from_a_loss()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 4096);
        pair.Right.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "netem", "delay", "700ms");
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(SlowHandshake.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 4; i++)
                left.Add(ConnectLab.Begin(pair.Left, TcpLab.Right(Ends.V4), 8080));
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        ShouldBeAlone(run, found, pair.Left, "192.0.2.2:8080", @"waits long to connect to 192\.0\.2\.2:8080: \d+ connects in "
            + @"\d+ s took up to [\d.]+ s, the answer to the SYN comes late");
    }

    [RequiresBpfFact("nstat", "ip")]
    public void A_route_that_is_missing()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        run.Collect();
        var found = run.Await(ConnectNoRoute.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 12; i++)
                ConnectLab.Fail(pair.Left, IPAddress.Parse("198.51.100.7"), 443).ShouldBe(SocketError.NetworkUnreachable);
        }, static f => f.Severity == EventSeverity.Error || f.Verdict.NotSeen.Count > 0);
        found.Verdict.Detail.ShouldBe("IPv4");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} has no IPv4 route to (some of its destinations|"
            + @"198\.51\.100\.7): \d+ packets in \d+ s could not be sent$");
        found.Verdict.Evidence[0].Source.ShouldBe("IpOutNoRoutes");
        TcpLab.Nstat(pair.Left, "IpOutNoRoutes").ShouldBeGreaterThanOrEqualTo(24);
        // Where functions can be hooked it is known who it was.
        (found.Verdict.NotSeen.Count == 0).ShouldBe(found.Verdict.Process is not null);
        found.Severity.ShouldBe(found.Verdict.NotSeen.Count == 0 ? EventSeverity.Error : EventSeverity.Warn);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>A resolver asks which of a name's addresses could be used.</summary>
    [RequiresBpfFact("nstat")]
    public void A_family_that_is_not_used_lacks_no_route()
    {
        var run = FindingRun.Shared;
        using var ns = new TestNetns();
        run.ShouldBeSilent(() => ns.Inside(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
                Should.Throw<SocketException>(() => socket.Connect(IPAddress.Parse("2001:db8:5::1"), 53));
            }
        }), ns);
        TcpLab.Nstat(ns, "Ip6OutNoRoutes").ShouldBeGreaterThanOrEqualTo(20);
    }

    [RequiresBpfTheory("ip")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_next_hop_that_does_not_answer(bool gateway)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.mcast_solicit", "1");
        var to = gateway ? IPAddress.Parse("198.51.100.7") : Nobody;
        if (gateway)
            pair.Left.Ip($"route add 198.51.100.0/24 via {Nobody}");
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(ConnectHostUnreachable.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 12; i++)
                left.Add(ConnectLab.Begin(pair.Left, to, 443));
        }, static f => f.Severity == EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Left, $"{Nobody}", RegexOf($"cannot reach {to}:443: ")
            + (gateway ? RegexOf($"the next hop {Nobody} does not answer ARP") : "it does not answer ARP")
            + @", \d+ connects in \d+ s failed");
        found.Verdict.Evidence.ShouldContain(e => e.Source == "neigh_timer_handler");
        found.Verdict.Confirm.ShouldEndWith($" ip neigh show {Nobody}");
        // Between two questions: those who wait ask again.
        BpfProbeRun.Eventually(() => pair.Left.Run("ip", "neigh", "show", $"{Nobody}").ShouldContain("FAILED"));
    }

    [RequiresBpfTheory("nft")]
    [InlineData("reject with icmpx type port-unreachable", @"a rule rejects it \(ICMP: port unreachable\)")]
    [InlineData("reject with icmpv6 type admin-prohibited", "a rule or a route prohibits it")]
    public void A_rule_that_rejects(string rule, string why)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, $"tcp dport 81 {rule}");
        // Each is to be told, however many there are.
        pair.Right.Sysctl("net.ipv6.icmp.ratelimit", "0");
        run.Collect();
        var found = run.Await(AdministrativelyRejected.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 12; i++)
                ConnectLab.Fail(pair.Left, TcpLab.Right(Ends.V6), 81);
        });
        ShouldBeAlone(run, found, pair.Left, "[2001:db8::2]:81", @"may not connect to \[2001:db8::2\]:81: " + why
            + @", \d+ connects in \d+ s failed", "iptables-save | grep 2001:db8::2; nft list ruleset");
        found.Verdict.RuledOut[0].ShouldStartWith("a closed port");
    }

    /// <summary>Also what now and then goes wrong: a refusal, a caller that gives up, an address that is away.</summary>
    [RequiresBpfFact("nft")]
    public void Connects_that_succeed_and_single_failures_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        Blackhole(pair.Right, "tcp dport 82");
        var rounds = 0;
        run.ShouldBeSilent(
            () =>
            {
                foreach (var ends in TcpLab.All)
                {
                    var (client, server) = TcpLab.Connect(pair, ends);
                    client.Dispose();
                    server.Dispose();
                    ConnectLab.Begin(pair.Left, TcpLab.Shown(TcpLab.Right(ends)), 82).Dispose();
                }
                if (rounds++ % 2 == 0)
                    ConnectLab.Fail(pair.Left, TcpLab.Right(Ends.V4), 81);
            },
            pair.Left, pair.Right);
    }

    private static string RegexOf(string text) => System.Text.RegularExpressions.Regex.Escape(text);
}

/// <summary>Sockets that a test leaves to themselves, closed at its end at the latest.</summary>
internal sealed class OpenSockets : IDisposable
{
    private readonly List<(Socket Socket, DateTime Begun)> _sockets = [];

    public void Add(Socket socket) => _sockets.Add((socket, DateTime.UtcNow));

    /// <summary>Closes those that are open for so long.</summary>
    public void CloseAfter(TimeSpan time)
    {
        foreach (var (socket, _) in _sockets.Where(s => DateTime.UtcNow - s.Begun > time))
            socket.Dispose();
        _sockets.RemoveAll(s => DateTime.UtcNow - s.Begun > time);
    }

    public void Dispose() => CloseAfter(TimeSpan.MinValue);
}
