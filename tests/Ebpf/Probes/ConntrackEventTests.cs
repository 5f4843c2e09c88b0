using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Tables of connections that fill, and new connections that they lose; conntrack -S says how many.</summary>
public sealed class ConntrackEventTests
{
    private const string LimitFile = "/proc/sys/net/netfilter/nf_conntrack_max";
    private const string CountFile = "/proc/sys/net/netfilter/nf_conntrack_count";

    private static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns, EventInfo? info = null)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => (info is null || e.Info == info) && e.Subject?.Inode == inode)];
    }

    /// <summary>A counter of conntrack -S, over all CPUs.</summary>
    private static long Counter(TestNetns ns, string name) => ns.Run("conntrack", "-S")
        .Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries)
        .Where(word => word.StartsWith(name + "=", StringComparison.Ordinal))
        .Sum(word => long.Parse(word[(name.Length + 1)..]));

    private static TestNetns Tracking()
    {
        var ns = new TestNetns();
        ns.Run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
            + "add rule inet t in ct state invalid drop");
        // Longer than a slow machine takes.
        ns.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "600");
        return ns;
    }

    /// <summary>As many connections, each of a port of its own, that nobody answers.</summary>
    private static void Send(TestNetns ns, int first, int count) => ns.Inside(() =>
    {
        for (var i = 0; i < count; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, first + i));
            try
            {
                socket.SendTo(new byte[1], new IPEndPoint(IPAddress.Loopback, 9));
            }
            catch (SocketException)
            {
                // Refused: by nobody who listens, or for want of an entry.
            }
        }
    });

    /// <summary>
    /// The limit is the machine's: for a moment, with room for what the machine has, and it is put back, even where
    /// this process is killed.
    /// </summary>
    [RequiresBpfTheory("conntrack", "nft", "sysctl", "sh")]
    [InlineData(CollectionSource.Auto)]
    [InlineData(CollectionSource.Proc)]
    public void A_table_that_fills_is_warned_of_and_a_full_one_is_an_error(CollectionSource source)
    {
        using var ns = Tracking();
        using var other = Tracking();
        var most = Math.Clamp(2 * int.Parse(File.ReadAllText(CountFile)), 200, 8000);
        using var restorer = Shell.Start(
            "sh", "-c", $"cat > /dev/null; echo {File.ReadAllText(LimitFile).Trim()} > {LimitFile}");
        try
        {
            File.WriteAllText(LimitFile, $"{most}");
            using var run = BpfProbeRun.By(source, "conntrack");
            Send(other, 20_000, most / 2);
            Send(ns, 20_000, most * 92 / 100);
            run.Sum("netlens.conntrack.entry.count", ns).ShouldBeInRange(most * 9 / 10, most);
            var inode = ns.Inode;
            var filling = run.Events.Await(e => e.Info == ConntrackKinds.FillingInfo && e.Subject?.Inode == inode);
            filling.Severity.ShouldBe(EventSeverity.Warn);
            filling.Fields[0]!.Value.Number.ShouldBeInRange(most * 9 / 10, most);
            filling.Fields[1]!.Value.Number.ShouldBe(most);
            filling.Message.ShouldMatch(@"^network namespace \S+ tracks nearly as many connections as it may: "
                + $@"\d+ of {most} entries \(net\.netfilter\.nf_conntrack_max\)$");
            run.Collect();
            Of(run, ns).Length.ShouldBe(1);

            Send(ns, 30_000, most);
            run.Collect();
            var full = run.Events.Await(e => e.Info == ConntrackKinds.FullInfo && e.Subject?.Inode == inode);
            full.Severity.ShouldBe(EventSeverity.Error);
            var told = Of(run, ns, ConntrackKinds.FullInfo);
            told.Sum(e => e.Field("netlens.conntrack.dropped")!.Value.Number).ShouldBe(Counter(ns, "drop"));
            told.Sum(e => e.Field("netlens.conntrack.evicted")!.Value.Number).ShouldBe(Counter(ns, "early_drop"));
            full.Message.ShouldContain(" tracks as many connections as it may: ");
            Of(run, other).ShouldBeEmpty();
            run.Failures.ShouldBeEmpty();
        }
        finally
        {
            restorer.StandardInput.Close();
            restorer.WaitForExit();
        }
    }

    /// <summary>SNAT with one port: the second connection to the same server gets the entry of the first.</summary>
    [RequiresBpfTheory("conntrack", "nft", "sysctl")]
    [InlineData(CollectionSource.Auto)]
    [InlineData(CollectionSource.Proc)]
    public void Connections_that_clash_are_told(CollectionSource source)
    {
        using var lab = new NatLab(40_000, 1);
        using var server = new SocketLab(lab.Server);
        server.Listen(IPAddress.Any, 8080, 16);
        using var first = new SocketLab(lab.Clients[0]);
        using var second = new SocketLab(lab.Clients[1]);
        using var run = BpfProbeRun.By(source, "conntrack");
        first.Connect(NatLab.ServerAddress(ipv6: false), 8080);
        run.Collect();
        Of(run, lab.Router).ShouldBeEmpty();
        second.BeginConnect(NatLab.ServerAddress(ipv6: false), 8080);
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            var told = Of(run, lab.Router, ConntrackKinds.ClashInfo);
            told.Length.ShouldBeGreaterThan(0);
            told.Sum(e => e.Field("netlens.conntrack.dropped")!.Value.Number)
                .ShouldBe(Counter(lab.Router, "insert_failed"));
        });
        var e = Of(run, lab.Router, ConntrackKinds.ClashInfo)[0];
        e.Severity.ShouldBe(EventSeverity.Warn);
        e.Message.ShouldMatch(@"^network namespace \S+ lost \d+ packets of new connections whose entry was there");
        Of(run, lab.Router, ConntrackKinds.FullInfo).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }
}
