using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Ports;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Ports that run out, and what is found of it.</summary>
public sealed class PortFindingTests
{
    [RequiresBpfTheory("ss")]
    [InlineData(Ends.V4, "192.0.2.2:8080")]
    [InlineData(Ends.V6, "[2001:db8::2]:8080")]
    public void Local_ports_that_are_used_up(Ends ends, string peer)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Left.Sysctl("net.ipv4.ip_local_port_range", "40000 40009");
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(TcpLab.Any(ends), 8080, 64);
        run.Collect();
        for (var i = 0; i < 10; i++)
            left.Connect(TcpLab.Right(ends), 8080);
        var found = run.Await(EphemeralPortsExhausted.Kind, pair.Left,
            () => ConnectLab.Fail(pair.Left, TcpLab.Right(ends), 8080).ShouldBe(SocketError.AddressNotAvailable),
            static f => f.Severity == EventSeverity.Error && f.Sentence.Contains("10 of 10"));
        found.Subject!.Inode.ShouldBe(pair.Left.Inode);
        found.Verdict.Detail.ShouldBe(peer);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} has no local port left for \S+:8080: \d+ connects in "
            + @"\d+ s failed, 10 of 10 are in use$");
        found.Verdict.Evidence.Select(e => e.ToString()).ShouldContain("sock_diag, ports in use 10 of 10");
        found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe("40000 40009");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Left.Name} ss -Htan state connected dst {peer}");
        pair.Left.Run("ss", "-Htan", "state", "connected", "dst", peer).Trim().Split('\n').Length.ShouldBe(10);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("ss")]
    public void Local_ports_that_UDP_sockets_have_all_of()
    {
        var run = FindingRun.Shared;
        using var lab = new UdpLab(new TestNetns());
        lab.Ns.Sysctl("net.ipv4.ip_local_port_range", "40000 40009");
        run.Collect();
        for (var i = 0; i < 10; i++)
            lab.Connect(IPAddress.Loopback, 9000 + i);
        var found = run.Await(EphemeralPortsExhausted.Kind, lab.Ns,
            () => Should.Throw<SocketException>(() => lab.Connect(IPAddress.Loopback, 9000)));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe("udp");
        found.Sentence.ShouldBe($"network namespace {lab.Ns.Name} has no local port left for UDP sockets: "
            + "10 of 10 are in use, and one without a port gets none");
        found.Verdict.Evidence.Select(e => e.ToString()).ShouldBe(["sock_diag, ports of UDP sockets 10 of 10"]);
        found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe("40000 40009");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {lab.Ns.Name} ss -Huan");
        lab.Ns.Run("ss", "-Huan").Trim().Split('\n').Length.ShouldBe(10);
        run.Of(lab.Ns).ShouldBe([found]);
    }

    [RequiresBpfFact("ss")]
    public void Local_ports_that_become_few()
    {
        const int Count = 100;
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Left.Sysctl("net.ipv4.ip_local_port_range", $"40000 {40000 + Count - 1}");
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8081, 2 * Count);
        var used = 0;
        void Connect(int times)
        {
            for (var i = 0; i < times && used < Count - 1; i++, used++)
                left.Connect(TcpLab.Right(Ends.V4), 8081);
        }
        // A quarter: it is looked at, and has to grow then.
        Connect(Count / 4);
        run.Collect();
        var found = run.Await(EphemeralPortsFilling.Kind, pair.Left, () => Connect(3));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} runs out of local ports for 192\.0\.2\.2:8081 in \d+ s: "
            + @"\d+ of 100 are in use$");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe($"40000 {40000 + Count - 1}");
        pair.Left.Run("ss", "-Htan", "state", "connected", "dst", "192.0.2.2:8081").Trim().Split('\n').Length.ShouldBe(used);
        // It goes on, and so does the finding.
        var windows = found.Windows;
        for (var i = 0; i < 4; i++)
        {
            Connect(1);
            Thread.Sleep(500);
            run.Collect();
        }
        found.IsActive.ShouldBeTrue();
        found.Cause.ShouldBeNull(found.Cause?.Sentence);
        found.Windows.ShouldBeGreaterThan(windows + 1);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfTheory("nft", "conntrack", "sysctl")]
    [InlineData(false)]
    [InlineData(true)]
    public void Ports_of_SNAT_that_are_used_up(bool ipv6)
    {
        const int Count = FindingRun.TranslatedPorts;
        var run = FindingRun.Shared;
        using var lab = new NatLab(40_000, Count);
        using var server = new SocketLab(lab.Server);
        server.Listen(IPAddress.IPv6Any, 8080, 2 * Count);
        using var client = new SocketLab(lab.Clients[0]);
        var to = NatLab.ServerAddress(ipv6);
        run.Collect();
        for (var i = 0; i < Count; i++)
            client.Connect(to, 8080);
        var found = run.Await(SnatExhaustion.Kind, lab.Router, () => client.BeginConnect(to, 8080),
            static f => f.Severity == EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {lab.Router.Name} has no port left to translate connections to "
            + $@"(\S+:8080 from \S+|the fullest destination) \(SNAT\): {Count} of {Count} are in use$");
        found.Verdict.Evidence.ShouldContain(e => e.Source == "insert_failed");
        lab.Tracked(ipv6).ShouldBe(Count);
        run.Of(lab.Router, lab.Server).Select(f => f.Info.Kind).ShouldBe([SnatExhaustion.Kind.Kind]);
    }

    [RequiresBpfFact]
    public void Many_connections_that_leave_ports_free_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Left.Sysctl("net.ipv4.ip_local_port_range", "40000 40099");
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 100);
        for (var i = 0; i < 40; i++)
            left.Connect(TcpLab.Right(Ends.V4), 8080);
        run.ShouldBeSilent(static () => { }, pair.Left, pair.Right);
    }
}
