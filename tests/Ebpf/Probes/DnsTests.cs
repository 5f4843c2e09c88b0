using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Dns;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>DNS queries from one namespace to a server in another: their number, time and end.</summary>
public sealed class DnsTests
{
    private static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(Collector.Linux.Probes.Dns.Dns.Info, settings);

    [RequiresBpfFact]
    public void Answers_are_counted_and_timed_by_server_and_yield_no_event()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("slow", "30s"), ("timeout", "60s"));
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 12; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[i % 3 == 2 ? 1 : 0], DnsLab.Query(1000 + i));
        var elapsed = Stopwatch.GetElapsedTime(start);

        DnsLab.Outcomes(run, pair.Left).ShouldBe(["noerror 12"]);
        DnsLab.By(run, pair.Left, "server.address").ShouldBe(
            [$"{TestNetnsPair.RightIPv4} 8", $"{TestNetnsPair.RightIPv6} 4"]);
        DnsLab.By(run, pair.Left, "network.transport").ShouldBe(["udp 12"]);
        server.Asked.ShouldBe(12);
        var (count, nanoseconds) = DnsLab.Times(run, pair.Left);
        count.ShouldBe(12);
        nanoseconds.ShouldBeInRange(1, (long)elapsed.TotalNanoseconds);
        foreach (var metric in new[] { DnsLab.Failed, DnsLab.Retries, DnsLab.Late, "netlens.dns.unread" })
            run.Sum(metric, pair.Left).ShouldBe(0);
        // Who is asked does not ask.
        run.Sum(DnsLab.Lookups, pair.Right).ShouldBe(0);
        DnsLab.Of(run, pair.Left).ShouldBeEmpty();
        DnsLab.Of(run, pair.Right).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void A_late_answer_is_as_late_as_the_server()
    {
        using var pair = DnsLab.Pair();
        using var server = new NameServer(pair.Right, query =>
        {
            Thread.Sleep(300);
            return DnsLab.Answer(query);
        });
        using var run = new BpfProbeRun("dns", null, ("slow", "200ms"), ("timeout", "60s"));
        foreach (var address in DnsLab.Servers)
        {
            var start = Stopwatch.GetTimestamp();
            DnsLab.Ask(pair.Left, address, DnsLab.Query(1));
            var elapsed = Stopwatch.GetElapsedTime(start);
            var e = DnsLab.Await(run, pair.Left, DnsKinds.SlowInfo, address);
            e.Duration.ShouldNotBeNull().ShouldBeInRange(300_000_000, (long)elapsed.TotalNanoseconds);
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Tuple!.DestinationPort.ShouldBe(53);
            e.Severity.ShouldBe(EventSeverity.Warn);
            e.Message.ShouldMatch(@" got its answer from the DNS server \S+ after \d+\S* ms; asked by ");
            e.Field("dns.question.name").ShouldBeNull();
            run.ShouldKeep(e);
        }
        DnsLab.Times(run, pair.Left).Nanoseconds.ShouldBeGreaterThan(600_000_000);
        run.Sum(DnsLab.Failed, pair.Left).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Codes_are_told_apart_and_those_of_a_failing_server_are_events()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right, q => DnsLab.Answer(q, q[1], truncated: q[1] == 0));
        using var run = new BpfProbeRun("dns", null, ("slow", "30s"), ("timeout", "60s"), ("names", "true"));
        for (var code = 0; code < 7; code++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[code % 2], DnsLab.Query(code, $"a{code}.example", 28));
        DnsLab.Outcomes(run, pair.Left).ShouldBe(
            ["formerr 1", "noerror 1", "notimp 1", "nxdomain 1", "other 1", "refused 1", "servfail 1"]);
        run.Sum(DnsLab.Failed, pair.Left).ShouldBe(5);
        run.Sum("netlens.dns.truncated", pair.Left).ShouldBe(1);
        var e = run.Events.Await(e => e.Field("netlens.dns.outcome")?.Text == "servfail");
        e.Field("dns.question.name")!.Value.Text.ShouldBe("a2.example.");
        e.Field("netlens.dns.question.type")!.Value.Number.ShouldBe(28);
        e.Severity.ShouldBe(EventSeverity.Error);
        e.Message.ShouldMatch(@" asked the DNS server \S+, which answered SERVFAIL after ");
        BpfProbeRun.Eventually(() => DnsLab.Of(run, pair.Left).Select(o => o.Field("netlens.dns.outcome")?.Text)
            .Order().ShouldBe(["formerr", "notimp", "other", "refused", "servfail"]));
    }

    [RequiresBpfFact]
    public void No_answer_is_a_timeout_once_and_a_late_one_is_told()
    {
        using var pair = DnsLab.Pair();
        using var go = new ManualResetEventSlim();
        using var server = new NameServer(pair.Right, query => go.Wait(60_000) ? DnsLab.Answer(query) : null);
        using var run = new BpfProbeRun("dns", null, ("timeout", "300ms"));
        using var client4 = DnsLab.Client(pair.Left, DnsLab.Servers[0]);
        using var client6 = DnsLab.Client(pair.Left, DnsLab.Servers[1]);
        client4.Send(DnsLab.Query(7));
        client6.Send(DnsLab.Query(7));
        BpfProbeRun.Eventually(() => DnsLab.Outcomes(run, pair.Left).ShouldBe(["timed_out 2"]));
        run.Sum(DnsLab.Failed, pair.Left).ShouldBe(2);
        foreach (var address in DnsLab.Servers)
        {
            var e = DnsLab.Await(run, pair.Left, DnsKinds.FailedInfo, address);
            e.Duration.ShouldNotBeNull().ShouldBeGreaterThan(300_000_000);
            e.Message.ShouldContain(" has no answer from the DNS server ");
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        }
        run.Sum(DnsLab.Late, pair.Left).ShouldBe(0);
        go.Set();
        foreach (var client in new[] { client4, client6 })
            client.Receive(new byte[100]).ShouldBeGreaterThan(0);
        BpfProbeRun.Eventually(() => run.Sum(DnsLab.Late, pair.Left).ShouldBe(2));
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["timed_out 2"]);
        DnsLab.Times(run, pair.Left).Count.ShouldBe(2);
    }

    /// <summary>The same number from another port, as glibc asks again, and from the same, as musl does.</summary>
    [RequiresBpfFact]
    public void A_question_that_is_asked_again_is_a_retry()
    {
        using var pair = DnsLab.Pair();
        using var server = new NameServer(pair.Right, _ => null);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        using var first = DnsLab.Client(pair.Left, DnsLab.Servers[0]);
        using var second = DnsLab.Client(pair.Left, DnsLab.Servers[1]);
        // Other questions are none.
        first.Send(DnsLab.Query(1, type: 1));
        first.Send(DnsLab.Query(2, type: 28));
        first.Send(DnsLab.Query(3, "other.example"));
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(0);
        first.Send(DnsLab.Query(1, type: 1));
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(1);
        second.Send(DnsLab.Query(1, type: 1));
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(2);
        var e = DnsLab.Await(run, pair.Left, DnsKinds.RetriedInfo, DnsLab.Servers[1]);
        e.Message.ShouldMatch(@" asked the DNS server \S+ again: the query \d+\S* ms before had no answer");
        run.Sum(DnsLab.FiveSeconds, pair.Left).ShouldBe(0);
        BpfProbeRun.Eventually(() => server.Asked.ShouldBe(5));
    }

    /// <summary>What was answered and is asked again is a new question.</summary>
    [RequiresBpfFact]
    public void A_question_that_was_answered_is_no_retry()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        for (var i = 0; i < 5; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[i % 2], DnsLab.Query(9));
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(0);
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["noerror 5"]);
    }

    /// <summary>The C library's own resolver, which waits for five seconds.</summary>
    [RequiresBpfFact("getent", "unshare")]
    public void The_resolver_asks_again_after_five_seconds()
    {
        using var pair = new TestNetnsPair();
        var asked = 0;
        using var server = new NameServer(pair.Right,
            query => Interlocked.Increment(ref asked) == 1 ? null : DnsLab.Answer(query, 3));
        using var run = new BpfProbeRun("dns", null, ("names", "true"));
        // Its own files, in a mount namespace of its own; one type of address, so that one query is out.
        var (_, _, error) = pair.Left.Try("unshare", "-m", "sh", "-c",
            "mount -t tmpfs t /tmp && echo 'hosts: dns' > /tmp/n && "
            + $"echo 'nameserver {TestNetnsPair.RightIPv4}' > /tmp/r && "
            + "mount --bind /tmp/n /etc/nsswitch.conf && mount --bind /tmp/r \"$(readlink -f /etc/resolv.conf)\" && "
            + "exec getent ahostsv4 web.shop.example.");
        error.ShouldBeEmpty();
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(1);
        var e = DnsLab.Await(run, pair.Left, DnsKinds.RetriedInfo, DnsLab.Servers[0]);
        e.Duration.ShouldNotBeNull().ShouldBeGreaterThan(4_900_000_000);
        // On a machine that has too much to do it may come later.
        var five = e.Duration!.Value <= 5_500_000_000;
        run.Sum(DnsLab.FiveSeconds, pair.Left).ShouldBe(five ? 1 : 0);
        e.Field("netlens.dns.five_seconds")!.Value.Text.ShouldBe(five ? "true" : "false");
        e.Field("dns.question.name")!.Value.Text.ShouldBe("web.shop.example.");
        e.Process.ShouldNotBeNull().Command.ShouldBe("getent");
        if (five)
            e.Message.ShouldContain("; resolvers wait for 5 s; asked by ");
        // The same socket asks again with the same number: one lookup, whose answer comes after `timeout`, or just before.
        BpfProbeRun.Eventually(() => DnsLab.Outcomes(run, pair.Left).ShouldBe(
            [run.Sum(DnsLab.Late, pair.Left) == 1 ? "timed_out 1" : "nxdomain 1"]));
    }

    [RequiresBpfFact]
    public void Answers_of_others_do_not_count()
    {
        using var pair = new TestNetnsPair();
        pair.Right.Ip($"addr add 192.0.2.3/24 dev {TestNetnsPair.Interface}");
        using var server = new NameServer(pair.Right, _ => null);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        using var client = DnsLab.Client(pair.Left, DnsLab.Servers[0]);
        var query = DnsLab.Query(77);
        client.Send(query);
        BpfProbeRun.Eventually(() => server.Asked.ShouldBe(1));
        var to = new IPEndPoint(TcpLab.Left(Ends.V4), TcpLab.Port(client.LocalEndPoint));
        void Forge(string address, int port, byte[] answer)
        {
            using var forger = pair.Right.Inside(() =>
            {
                var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                made.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                made.Bind(new IPEndPoint(IPAddress.Parse(address), port));
                return made;
            });
            forger.SendTo(answer, to);
        }
        server.Dispose();
        Forge("192.0.2.3", 53, DnsLab.Answer(query));
        Forge(TestNetnsPair.RightIPv4, 5353, DnsLab.Answer(query));
        Forge(TestNetnsPair.RightIPv4, 53, DnsLab.Answer(DnsLab.Query(78)));
        Forge(TestNetnsPair.RightIPv4, 53, query);
        run.Sum(DnsLab.Lookups, pair.Left).ShouldBe(0);
        Forge(TestNetnsPair.RightIPv4, 53, DnsLab.Answer(query));
        BpfProbeRun.Eventually(() => DnsLab.Outcomes(run, pair.Left).ShouldBe(["noerror 1"]));
    }

    [RequiresBpfFact]
    public void Nobody_there_is_told_at_once()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        foreach (var address in DnsLab.Servers)
        {
            using var client = DnsLab.Client(pair.Left, address);
            client.Send(DnsLab.Query(5));
            Should.Throw<SocketException>(() => client.Receive(new byte[100]))
                .SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
            DnsLab.Await(run, pair.Left, DnsKinds.FailedInfo, address)
                .Message.ShouldContain("(ICMP: unreachable)");
        }
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["unreachable 2"]);
        run.Sum(DnsLab.Failed, pair.Left).ShouldBe(2);
        DnsLab.Times(run, pair.Left).Count.ShouldBe(0);
    }

    [RequiresBpfFact]
    public void By_TCP_the_answer_is_timed_and_an_end_without_one_is_a_failure()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var listener = TcpLab.Make(pair.Right, ends);
            listener.Bind(new IPEndPoint(TcpLab.Any(ends), 53));
            listener.Listen(4);
            foreach (var answers in new[] { true, false })
            {
                using var client = TcpLab.Make(pair.Left, ends);
                client.Connect(new IPEndPoint(TcpLab.Right(ends), 53));
                using var server = listener.Accept();
                var query = DnsLab.Query(3);
                client.Send([0, (byte)query.Length, .. query]);
                var buffer = new byte[100];
                var length = server.Receive(buffer);
                if (answers)
                    server.Send(DnsLab.Answer(buffer.AsSpan(0, length)));
                server.Shutdown(SocketShutdown.Send);
                while (client.Receive(buffer) > 0)
                {
                    // Until it ends.
                }
            }
        }
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["answered 2", "unreachable 2"]);
        DnsLab.By(run, pair.Left, "network.transport").ShouldBe(["tcp 4"]);
        DnsLab.Times(run, pair.Left).Count.ShouldBe(2);
        run.Sum(DnsLab.Lookups, pair.Right).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Bytes_of_any_kind_harm_nothing()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right, static query => query.Length == 34 ? [0x80] : query);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("names", "true"));
        var random = new Random(1);
        foreach (var address in DnsLab.Servers)
        {
            using var client = DnsLab.Client(pair.Left, address);
            for (var length = 0; length < 400; length++)
            {
                var bytes = new byte[length];
                random.NextBytes(bytes);
                client.Send(bytes);
            }
            // A name that points to itself, one that does not end, and one of a length that there is not.
            byte[] head = [0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            client.Send([.. head, 0xc0, 12, 0, 1, 0, 1]);
            client.Send([.. head, 63, .. new byte[20]]);
            client.Send([.. head, 0xff]);
            client.Send(head);
            client.Send([.. head[..11]]);
        }
        var many = run.Sum(DnsLab.Lookups, pair.Left);
        DnsLab.Ask(pair.Left, DnsLab.Servers[0], DnsLab.Query(1))[0].ShouldBe((byte)0x80);
        run.Sum(DnsLab.Lookups, pair.Left).ShouldBe(many);
        run.Sum("netlens.dns.unread", pair.Left).ShouldBe(0);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresBpfFact]
    public void Servers_beyond_the_limit_are_counted_together()
    {
        using var pair = new TestNetnsPair();
        pair.Right.Ip(
            [.. Enumerable.Range(3, 4).Select(i => $"addr add 192.0.2.{i}/24 dev {TestNetnsPair.Interface}")]);
        using var run = new BpfProbeRun("dns", null, ("servers", "2"), ("timeout", "60s"));
        for (var i = 2; i < 7; i++)
        {
            using var client = DnsLab.Client(pair.Left, IPAddress.Parse($"192.0.2.{i}"));
            client.Send(DnsLab.Query(i));
            Should.Throw<SocketException>(() => client.Receive(new byte[100]));
        }
        DnsLab.By(run, pair.Left, "server.address").ShouldBe(["192.0.2.2 1", "192.0.2.3 1", "other 3"]);
        run.Sum(DnsLab.Failed, pair.Left).ShouldBe(5);
    }

    [RequiresBpfFact]
    public void Other_ports_are_looked_at_only_when_wanted_and_settings_change_while_it_runs()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right, static q => DnsLab.Answer(q, 2), 5300);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        DnsLab.Ask(pair.Left, DnsLab.Servers[0], DnsLab.Query(1), 5300);
        run.Sum(DnsLab.Lookups, pair.Left).ShouldBe(0);
        run.Probe.Reconfigure(Settings(("ports", "53,5300"), ("burst", "0"))).ShouldBeTrue();
        for (var i = 0; i < 30; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[i % 2], DnsLab.Query(i), 5300);
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["servfail 30"]);
        DnsLab.Of(run, pair.Left).ShouldBeEmpty();
        run.Probe.Reconfigure(Settings(("ports", "5300"), ("burst", "1"))).ShouldBeTrue();
        for (var i = 0; i < 30; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[0], DnsLab.Query(i), 5300);
        var inode = pair.Left.Inode;
        BpfProbeRun.Eventually(() =>
        {
            run.Sum(DnsLab.Failed, pair.Left).ShouldBe(60);
            (DnsLab.Of(run, pair.Left).Length + run.Events.HeldOf(inode)).ShouldBe(30);
        });
        run.Probe.Reconfigure(Settings(("entries", "128"))).ShouldBeFalse();
    }

    [RequiresBpfFact]
    public void Queries_for_which_there_is_no_room_are_told_as_lost()
    {
        const int Many = 5000, Room = 4096;
        using var pair = DnsLab.Pair();
        using var server = new NameServer(pair.Right, _ => null);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        using var client = DnsLab.Client(pair.Left, DnsLab.Servers[0]);
        for (var i = 0; i < Many; i++)
            client.Send(DnsLab.Query(i));
        var losses = run.Host.Bpf.Loaded.Single(s => s.Probe == "dns").Losses.ShouldNotBeNull();
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            losses.PushedOut.ShouldBeGreaterThanOrEqualTo(Many - Room);
            (losses.PushedOut + DnsLab.Pending(run, pair.Left)).ShouldBeGreaterThanOrEqualTo(Many);
        });
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>Slow ones and failed ones of a server are limited each for itself.</summary>
    [RequiresBpfFact]
    public void What_is_held_back_is_told_by_its_kind()
    {
        const int Many = 20;
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right, static q => DnsLab.Answer(q, q[1] % 2 == 0 ? 0 : 2));
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "0s"), ("burst", "1"));
        for (var i = 0; i < 2 * Many; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[0], DnsLab.Query(i));
        var inode = pair.Left.Inode;
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            foreach (var info in new[] { DnsKinds.SlowInfo, DnsKinds.FailedInfo })
            {
                (DnsLab.Of(run, pair.Left).Count(e => e.Info == info) + run.Events.HeldOf(inode, info))
                    .ShouldBe(Many, info.Name);
            }
        });
    }

    /// <summary>The socket's packet goes through both devices of the same namespace, and is one query.</summary>
    [RequiresBpfFact]
    public void A_query_through_a_bridge_is_one_query()
    {
        using var pair = new TestNetnsPair();
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        var (code, _, error) = pair.Left.Try("ip", "link", "add", "br0", "type", "bridge");
        if (code != 0 && error.Contains("Unknown device type", StringComparison.Ordinal))
            return;
        code.ShouldBe(0, error);
        pair.Left.Ip($"addr flush dev {TestNetnsPair.Interface}", $"link set {TestNetnsPair.Interface} master br0",
            $"addr add {TestNetnsPair.LeftIPv4}/24 dev br0", "link set br0 up");
        for (var i = 0; i < 5; i++)
            DnsLab.Ask(pair.Left, DnsLab.Servers[0], DnsLab.Query(i));
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["noerror 5"]);
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(0);
    }

    /// <summary>Its packet leaves by the VLAN's device and by the one below, and is one query.</summary>
    [RequiresBpfFact]
    public void A_query_through_a_VLAN_is_one_query()
    {
        using var pair = new TestNetnsPair();
        foreach (var (ns, address) in new[] { (pair.Left, "198.51.100.1"), (pair.Right, "198.51.100.2") })
        {
            var (code, _, error) = ns.Try("ip", "link", "add", "link", TestNetnsPair.Interface, "name", "vlan5",
                "type", "vlan", "id", "5");
            if (code != 0 && error.Contains("Unknown device type", StringComparison.Ordinal))
                return;
            code.ShouldBe(0, error);
            ns.Ip($"addr add {address}/24 dev vlan5", "link set vlan5 up");
        }
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        for (var i = 0; i < 5; i++)
            DnsLab.Ask(pair.Left, IPAddress.Parse("198.51.100.2"), DnsLab.Query(i));
        DnsLab.Outcomes(run, pair.Left).ShouldBe(["noerror 5"]);
        run.Sum(DnsLab.Retries, pair.Left).ShouldBe(0);
        DnsLab.Pending(run, pair.Left).ShouldBe(0);
    }

    /// <summary>Packets for such a device are met at the one below, in another namespace.</summary>
    [RequiresBpfFact]
    public void Answers_to_a_macvlan_device_are_its_namespaces()
    {
        using var pair = new TestNetnsPair();
        using var pod = new TestNetns();
        var (code, _, error) = pair.Left.Try("ip", "link", "add", "eth0", "link", TestNetnsPair.Interface, "netns",
            pod.Name, "type", "macvlan", "mode", "bridge");
        if (code != 0 && error.Contains("Unknown device type", StringComparison.Ordinal))
            return;
        code.ShouldBe(0, error);
        pod.Ip("addr add 192.0.2.9/24 dev eth0", "link set eth0 up");
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        for (var i = 0; i < 3; i++)
            DnsLab.Ask(pod, DnsLab.Servers[0], DnsLab.Query(i));
        DnsLab.Outcomes(run, pod).ShouldBe(["noerror 3"]);
        run.Sum(DnsLab.Lookups, pair.Left).ShouldBe(0);
    }

    /// <summary>What is forwarded was counted where it began.</summary>
    [RequiresBpfFact("tcpdump")]
    public void A_router_counts_nothing_and_what_is_counted_is_what_tcpdump_saw()
    {
        using var pair = new TestNetnsPair();
        using var pod = new TestNetns();
        pair.Left.Ip($"link add veth1 type veth peer name eth0 netns {pod.Name}", "addr add 198.51.100.1/24 dev veth1",
            "link set veth1 up");
        pair.Left.Sysctl("net.ipv4.ip_forward", "1");
        pod.Ip("addr add 198.51.100.2/24 dev eth0", "link set eth0 up", "route add default via 198.51.100.1");
        pair.Right.Ip($"route add 198.51.100.0/24 via {TestNetnsPair.LeftIPv4}");
        using var server = new NameServer(pair.Right);
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"), ("slow", "30s"));
        var tcpdump = pod.Start(
            "timeout", "60", "tcpdump", "-i", "eth0", "-n", "-l", "--immediate-mode", "-c", "14", "port", "53");
        while (tcpdump.StandardError.ReadLine() is { } line && !line.Contains("listening on"))
        {
            // Until it sees.
        }
        for (var i = 0; i < 7; i++)
            DnsLab.Ask(pod, DnsLab.Servers[0], DnsLab.Query(i));
        tcpdump.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Count(l => l.Contains("192.0.2.2.53 >", StringComparison.Ordinal)).ShouldBe(7);
        DnsLab.Outcomes(run, pod).ShouldBe(["noerror 7"]);
        run.Sum(DnsLab.Lookups, pair.Left).ShouldBe(0);
        run.Sum(DnsLab.Lookups, pair.Right).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Figures_of_a_namespace_that_is_gone_leave_the_kernel()
    {
        using var run = new BpfProbeRun("dns", null, ("timeout", "60s"));
        ulong inode;
        using (var ns = new TestNetns())
        {
            inode = ns.Inode;
            run.Collect();
            using var server = new NameServer(ns, 2);
            DnsLab.Ask(ns, IPAddress.Loopback, DnsLab.Query(1));
            DnsLab.Ask(ns, IPAddress.IPv6Loopback, DnsLab.Query(1));
            run.Sum(DnsLab.Lookups, inode).ShouldBe(2);
        }
        BpfProbeRun.Eventually(() => run.Sum(DnsLab.Lookups, inode).ShouldBe(0));
        Keys<DnsServerKey, DnsServer>(run, "servers").ShouldNotContain(k => k.Netns == inode);
        Keys<DnsTotalsKey, DnsTotals>(run, "totals").ShouldNotContain(k => k.Netns == inode);
        run.Collect().Find(DnsCounters.TimeTable)?.Rows.ToArray().ShouldNotContain(r => r.Subject!.Inode == inode);
    }

    private static TKey[] Keys<TKey, TValue>(BpfProbeRun run, string map)
        where TKey : unmanaged where TValue : unmanaged
    {
        var reader = new BpfMapReader<TKey, TValue>(
            run.Host.Bpf.Loaded.Single(s => s.Probe == "dns").Object.Map(map));
        reader.Read();
        return reader.Keys.ToArray();
    }
}
