using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Buffers;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Dns;
using Collector.Linux.Findings.Tables;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>
/// Faults of operators' guides that the tests of the kinds do not cause; docs/findings/guides.md has all of them.
/// </summary>
public sealed class GuideTests
{
    private const string Service = "10.96.0.10";

    private static int _id;

    /// <summary>The program gives up after 0.2 s and asks once more; both answers come when it has gone.</summary>
    [RequiresBpfTheory("nstat")]
    [InlineData(0, "UdpNoPorts")]
    [InlineData(1, "Udp6NoPorts")]
    public void A_DNS_answer_that_comes_when_its_port_is_closed(int which, string counter)
    {
        var run = FindingRun.Others;
        var to = DnsLab.Servers[which];
        using var pair = DnsLab.Pair();
        var (asked, answered) = (0, 0);
        using var server = new NameServer(pair.Right, query =>
        {
            Thread.Sleep(800);
            Interlocked.Increment(ref answered);
            return DnsLab.Answer(query);
        });
        run.Collect();
        var found = run.Await(DnsLateAnswer.Kind, pair.Left, () =>
        {
            var query = DnsLab.Query(++_id);
            for (var i = 0; i < 2; i++)
            {
                using var client = DnsLab.Client(pair.Left, to);
                client.Send(query);
                asked++;
                Thread.Sleep(200);
            }
            BpfProbeRun.Eventually(() => Volatile.Read(ref answered).ShouldBe(asked));
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(to.ToString());
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} got \d+ of \d+ answers of the DNS server {to} when "
            + @"nobody waited for them any more, after up to \d[\d.]* ms: the program had given up and closed its port$");
        found.Verdict.Evidence[^1].ToString().ShouldMatch(@"^given up before the answer \d[\d.]* ms, when it asked again$");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        TcpLab.Nstat(pair.Left, counter).ShouldBeGreaterThanOrEqualTo(2);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>503: as kube-proxy does it on the node, for the address of a Service that has no endpoint.</summary>
    [RequiresBpfFact("nft", "ip", "sysctl")]
    public void A_service_without_an_endpoint()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        // Each is to be told, however many there are.
        pair.Right.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0",
            "net.ipv4.conf.all.send_redirects=0", $"net.ipv4.conf.{TestNetnsPair.Interface}.send_redirects=0");
        pair.Right.Run("nft", "add table inet t; add chain inet t f { type filter hook forward priority 0; }; "
            + $"add rule inet t f ip daddr {Service} tcp dport 80 counter reject with icmp type port-unreachable");
        pair.Right.Ip($"route add 10.96.0.0/16 via {TestNetnsPair.LeftIPv4}");
        pair.Left.Ip($"route add 10.96.0.0/16 via {TestNetnsPair.RightIPv4}");
        run.Collect();
        var found = run.Await(AdministrativelyRejected.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 12; i++)
                ConnectLab.Fail(pair.Left, IPAddress.Parse(Service), 80).ShouldBe(SocketError.ConnectionRefused);
        }, static f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe($"{Service}:80");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} may not connect to 10\.96\.0\.10:80: a rule rejects "
            + @"it \(ICMP: port unreachable\), \d+ connects in \d+ s failed$");
        found.Verdict.RuledOut[0].ShouldStartWith("a closed port");
        pair.Right.Run("nft", "list table inet t").ShouldMatch(@"counter packets \d\d");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>504: three requests have arrived whole. Who waits is the upstream's program, not the proxy or the way.</summary>
    [RequiresBpfFact("ss")]
    public void An_upstream_that_does_not_read_its_requests()
    {
        const int Request = 40_000;
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        foreach (var (client, _) in traffic.Connect(3))
            FindingTraffic.Send(client, Request);
        var found = run.Await(SlowReader.Kind, traffic.Right, static () => { });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} lets peers wait: \S.*\[{Environment.ProcessId}\] "
            + $@"has not read {Request} bytes from {TestNetnsPair.LeftIPv4}:\d+ at {traffic.Service}, and reads nothing more "
            + @"\(2 more like it\)$");
        found.Verdict.Evidence.ShouldContain(e => e.Source == "Recv-Q" && e.Value.StartsWith($"{Request} bytes"));
        traffic.Right.Run("ss", "-Htn", "state", "established", "sport", "=", $":{FindingTraffic.Port}")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldAllBe(l => l.StartsWith($"{Request} "));
        run.AllOf(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    /// <summary>The limit is the machine's: for a moment, with room for what the machine has, and it is put back.</summary>
    [RequiresBpfFact("conntrack", "nft", "sysctl", "sh")]
    public void A_table_of_connections_that_is_full()
    {
        var run = FindingRun.Shared;
        using var ns = new TestNetns();
        ns.Run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
            + "add rule inet t in ct state invalid drop");
        ns.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "600");
        var most = Math.Clamp(2 * int.Parse(File.ReadAllText("/proc/sys/net/netfilter/nf_conntrack_count")), 200, 8000);
        using var setting = new NodeSetting("/proc/sys/net/netfilter/nf_conntrack_max", $"{most}");
        run.Collect();
        var found = run.Await(ConntrackFull.Kind, ns, () => SendEach(ns, most + 100));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {ns.Name} tracks as many connections as it may: \d+ packets of new ones "
            + @"were dropped, \d+ others had to go$");
        found.Verdict.Evidence[2].Value.ShouldMatch($@"^\d+ of {most}$");
        found.Verdict.Knob.ShouldNotBeNull().Suggested.ShouldBe($"{most * 2}");
        ns.Run("conntrack", "-S").ShouldMatch(@"\b(early_)?drop=[1-9]");
        // The rules of the firewall have nothing to do with what is dropped.
        run.Of(ns).ShouldBe([found]);
    }

    /// <summary>As many connections, each of a port of its own, that nobody answers.</summary>
    private static void SendEach(TestNetns ns, int count) => ns.Inside(() =>
    {
        for (var i = 0; i < count; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 20_000 + i));
            try
            {
                socket.SendTo(new byte[1], new IPEndPoint(IPAddress.Loopback, 9));
            }
            catch (SocketException)
            {
                // There is no entry for it.
            }
        }
    });
}
