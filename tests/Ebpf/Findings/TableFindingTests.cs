using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Tables;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Faults of connection tracking, firewall and the neighbour table, caused, and what is found of them.</summary>
public sealed class TableFindingTests
{
    private const string LimitFile = "/proc/sys/net/netfilter/nf_conntrack_max";
    private const string CountFile = "/proc/sys/net/netfilter/nf_conntrack_count";
    private const string Track = "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        + "add rule inet t in ct state invalid drop";

    /// <summary>The limit is the machine's: for a moment, with room for what the machine has, and it is put back.</summary>
    [RequiresBpfFact("conntrack", "nft", "sysctl", "sh")]
    public void Connection_tracking_that_fills()
    {
        var run = FindingRun.Shared;
        using var ns = new TestNetns();
        ns.Run("nft", Track);
        ns.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "600");
        var most = Math.Clamp(2 * int.Parse(File.ReadAllText(CountFile)), 200, 8000);
        using var setting = new NodeSetting(LimitFile, $"{most}");
        var sent = 0;
        var found = run.Await(ConntrackFilling.Kind, ns, () =>
        {
            SendEach(ns, sent == 0 ? most * 92 / 100 : 0);
            sent++;
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {ns.Name} tracks \d+ connections, and {most} is the most");
        found.Verdict.Knob!.Now.ShouldBe($"{most}");
        ns.Run("conntrack", "-C").Trim().ShouldBe(
            found.Verdict.Evidence[0].Value.Split(' ')[0]);
        run.Of(ns).ShouldBe([found]);
    }

    /// <summary>SNAT with one port: the second connection to the same server gets the entry of the first.</summary>
    [RequiresBpfFact("conntrack", "nft", "sysctl")]
    public void Snat_without_a_free_port()
    {
        var run = FindingRun.Shared;
        using var lab = new NatLab(40_000, 1);
        using var server = new SocketLab(lab.Server);
        server.Listen(IPAddress.Any, 8080, 16);
        using var first = new SocketLab(lab.Clients[0]);
        using var second = new SocketLab(lab.Clients[1]);
        first.Connect(NatLab.ServerAddress(ipv6: false), 8080);
        run.Collect();
        var found = run.Await(ConntrackRace.Kind, lab.Router, () =>
        {
            for (var i = 0; i < 12; i++)
                second.BeginConnect(NatLab.ServerAddress(ipv6: false), 8080);
        }, static f => f.Severity == EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {lab.Router.Name} lost \d+ packets of new connections, for their ");
        found.Verdict.Evidence[0].Source.ShouldBe("conntrack insert_failed");
        found.Verdict.RuledOut.ShouldContain(r => r.StartsWith("conntrack is ") && r.EndsWith(" % full"));
        lab.Router.Run("conntrack", "-S").ShouldMatch("insert_failed=[1-9]");
        run.Of(lab.Router).Where(f => f.Info == ConntrackRace.Kind || f.Info == ConntrackFull.Kind
            || f.Info == ConntrackInvalid.Kind).ShouldBe([found]);
    }

    [RequiresBpfFact("conntrack", "nft")]
    public void Segments_that_fit_no_connection()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Run("nft", Track);
        var port = 10_000;
        var found = run.Await(ConntrackInvalid.Kind, pair.Right, () =>
        {
            RawPackets.Segments(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, port, 100);
            port += 100;
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} has \d+ packets that fit no connection it tracks");
        found.Verdict.Evidence[0].Source.ShouldBe("conntrack invalid");
        pair.Right.Run("conntrack", "-S").ShouldMatch("invalid=[1-9]");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfTheory("nft")]
    [InlineData(TestNetnsPair.RightIPv4, "udp to 192.0.2.2:4243")]
    [InlineData(TestNetnsPair.RightIPv6, "udp to [2001:db8::2]:4243")]
    public void A_rule_that_drops(string to, string target)
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Run("nft", "add table inet f; add chain inet f in { type filter hook input priority 0; }; "
            + "add rule inet f in udp dport 4243 counter drop");
        var found = run.Await(NetfilterDrop.Kind, pair.Right, () => DropTraffic.Datagrams(pair.Left, to, 4243, count: 20));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(target);
        found.Sentence.ShouldMatch(
            $@"^network namespace {pair.Right.Name} has a firewall rule that drops udp to \S+, \d+ or more packets from \S+$");
        found.Verdict.Evidence[0].Source.ShouldBeOneOf("NETFILTER_DROP", "nf_hook_slow");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Right.Name} nft list ruleset");
        pair.Right.Run("nft", "list", "ruleset").ShouldMatch("counter packets [1-9]");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>The table is the machine's: for a moment it has room for a few more than it holds.</summary>
    [RequiresBpfFact("ip", "sh")]
    public void A_neighbour_table_that_is_full()
    {
        const string Folder = "/proc/sys/net/ipv4/neigh/default";
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        var count = Shell.Run("ip", "-s", "ntable", "show", "name", "arp_cache");
        var entries = int.Parse(count.Split("entries ")[1].Split(' ')[0]);
        using var setting = new NodeSetting($"{Folder}/gc_thresh3", $"{entries + 8}");
        var next = 0;
        var found = run.Await(NeighbourFull.Kind, f => f.Subject is null && f.Verdict.Detail == "IPv4", () =>
        {
            for (var i = 0; i < 40; i++)
                Try($"192.0.2.{10 + (next++ % 200)}");
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch(@"^the node has no room for \d+ new IPv4 neighbours, and cannot send to them");
        found.Verdict.Evidence[0].Source.ShouldBe("table_fulls");
        found.Verdict.Knob!.Now.ShouldBe($"{entries + 8}");

        // Some kernels tell the sender.
        void Try(string to)
        {
            try
            {
                DropTraffic.Datagrams(pair.Left, to, 9);
            }
            catch (SocketException e) when (e.SocketErrorCode
                is SocketError.InvalidArgument or SocketError.NoBufferSpaceAvailable)
            {
            }
        }
    }

    [RequiresBpfFact("nft", "sysctl")]
    public void Tracked_connections_and_a_firewall_that_lets_them_pass_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Run("nft", Track);
        run.ShouldBeSilent(
            () =>
            {
                DropTraffic.Healthy(pair);
                // A scan of its ports, which the rule does not like: that is no service that somebody misses.
                RawPackets.Segments(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, 20_000, 20);
            },
            pair.Left, pair.Right);
    }

    /// <summary>As many connections, each of a port of its own, that nobody answers.</summary>
    private static void SendEach(TestNetns ns, int count) => ns.Inside(() =>
    {
        for (var i = 0; i < count; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 20_000 + i));
            socket.SendTo(new byte[1], SocketFlags.None, new IPEndPoint(IPAddress.Loopback, 9).Serialize());
        }
    });
}

/// <summary>A setting of the machine for a moment, put back even where this process is killed.</summary>
internal sealed class NodeSetting : IDisposable
{
    private readonly System.Diagnostics.Process _restorer;

    public NodeSetting(string file, string value)
    {
        _restorer = Shell.Start("sh", "-c", $"cat > /dev/null; echo {File.ReadAllText(file).Trim()} > {file}");
        File.WriteAllText(file, value);
    }

    public void Dispose()
    {
        _restorer.StandardInput.Close();
        _restorer.WaitForExit();
        _restorer.Dispose();
    }
}
