using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

public sealed partial class NeighbourTests
{
    private const string Arp = "proc/net/stat/arp_cache";
    private const string V4 = "network.type=ipv4";
    private static readonly IPAddress Nobody = IPAddress.Parse("192.0.2.77");

    [Fact]
    public void Columns_are_known_by_their_headings_and_summed_over_CPUs()
    {
        using var tree = new TestTree();
        tree.Write(Arp, "entries table_fulls news allocs\n0000000a 00000001 0000ffff 00000010\n"
            + "0000000b 00000002 0000ffff 1000000000000000\n");
        using var run = new FileProbeRun("neighbour", tree.Paths, ("include", "all"));
        run.Collect().Failures.ShouldBeEmpty();
        run.Value("netlens.neighbour.entry.count", V4).ShouldBe(11);
        run.Value("netlens.neighbour.table_full", V4).ShouldBe(3);
        run.Value("netlens.neighbour.allocations", V4).ShouldBe(0x1000000000000010);
        run.Value("netlens.neighbour.lookups", V4).ShouldBeNull("this kernel does not tell");
        run.Value("netlens.neighbour.entry.limit", V4).ShouldBeNull("there is no such file");
        run.Value("netlens.neighbour.entry.count", "network.type=ipv6").ShouldBeNull("IPv6 is switched off");
        tree.Write("proc/sys/net/ipv4/neigh/default/gc_thresh3", "80000\n");
        // What was not there is looked for again, later each time.
        for (var i = 0; i < 8 && run.Value("netlens.neighbour.entry.limit", V4) is null; i++)
            run.Collect();
        run.Value("netlens.neighbour.entry.limit", V4).ShouldBe(80_000);
    }

    [Theory]
    [InlineData("entries allocs\n0000000a 00000001\n", "malformed", "a CPU is missing")]
    [InlineData("entries allocs\n0000000a 00000001\n0000000a 000000", "truncated", "cut off")]
    [InlineData("entries allocs\n0000000a 00000001\n0000000a\n", "malformed", "a column is missing")]
    [InlineData("entries allocs\n0000000a 00000001\n0000000a 00000001 00000001\n", "malformed", "one too many")]
    [InlineData("entries allocs\n0000000a 00000001\n0000000a 0000000x\n", "malformed", "no number")]
    [InlineData("allocs entries\n0000000a 00000001\n0000000a 00000001\n", "malformed", "another order")]
    [InlineData("entries allocs\n0000000a 00000001\n0000000a 7fffffffffffffff\n", "over_63_bits", "too large")]
    [InlineData("", "truncated", "empty")]
    public void What_no_kernel_writes_gives_no_row_and_a_reason(string content, string reason, string why)
    {
        using var tree = new TestTree();
        tree.Write(Arp, "entries allocs\n0000000a 00000001\n0000000a 00000001\n");
        using var run = new FileProbeRun("neighbour", tree.Paths, ("include", "all"));
        run.Collect().Failures.ShouldBeEmpty();
        tree.Write(Arp, content);
        run.Collect().Failures.ShouldBe([reason], why);
        run.Series().ShouldBeEmpty(why);
    }

    [RequiresRootFact("ip", "sysctl")]
    public void A_next_hop_that_does_not_answer_is_counted_and_so_are_packets_that_waited_for_it()
    {
        // Only the machine's first namespace has the file.
        if (!File.Exists("/" + Arp))
        {
            Should.Throw<ProbeUnavailableException>(() => new FileProbeRun("neighbour", new KernelPaths()));
            return;
        }
        using var pair = new TestNetnsPair();
        var device = $"net.ipv4.neigh.{TestNetnsPair.Interface}";
        foreach (var (name, value) in new[] { ("retrans_time_ms", "50"), ("mcast_solicit", "1"), ("unres_qlen", "1") })
            pair.Left.Sysctl($"{device}.{name}", value);
        using var run = new FileProbeRun("neighbour", new KernelPaths(), ("include", "all"));
        run.Collect().Failures.ShouldBeEmpty();
        double Now(string name) => run.Value($"netlens.neighbour.{name}", V4).ShouldNotBeNull();
        var (failed, dropped, full) = (Now("failed"), Now("packet.dropped"), Now("table_full"));
        pair.Left.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            for (var i = 0; i < 20; i++)
                socket.SendTo(new byte[1000], new IPEndPoint(Nobody, 9));
        });
        for (var i = 0; i < 300 && (Now("failed") <= failed || Now("packet.dropped") < dropped + 10); i++)
        {
            Thread.Sleep(100);
            run.Collect();
        }
        Now("failed").ShouldBeGreaterThan(failed);
        Now("packet.dropped").ShouldBeGreaterThanOrEqualTo(dropped + 10);
        Now("table_full").ShouldBe(full);
        ShouldBeAsIpHasIt(run);
    }

    /// <summary>ip(8) asks by netlink. What others do meanwhile makes counters grow, and the entries any number.</summary>
    private static void ShouldBeAsIpHasIt(FileProbeRun run)
    {
        foreach (var (table, family) in new[] { ("arp_cache", "ipv4"), ("ndisc_cache", "ipv6") })
        {
            var before = Words(table);
            run.Collect();
            var after = Words(table);
            double? Ours(string name) => run.Value($"netlens.neighbour.{name}", $"network.type={family}");
            Ours("entry.limit").ShouldBe(before["thresh3"]);
            foreach (var (name, word) in new[]
            {
                ("table_full", "table_fulls"), ("failed", "res_failed"), ("gc.forced", "forced_gc_runs"),
                ("gc.periodic", "periodic_gc_runs"), ("allocations", "allocs"), ("removals", "destroys"),
                ("lookups", "lookups"), ("hits", "hits"), ("hash_grows", "hash_grows"),
                ("probes.multicast", "rcv_probes_mcast"), ("probes.unicast", "rcv_probes_ucast"),
            })
                Ours(name).ShouldNotBeNull().ShouldBeInRange(before[word], after[word], $"{table} {word}");
            Ours("entry.count").ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(0);
        }
    }

    // "entries 401 ... stats allocs 84761 destroys 84360": the first of each word are the table's own.
    private static Dictionary<string, double> Words(string table) =>
        Number().Matches(Shell.Run("ip", "-s", "ntable", "show", "name", table))
            .GroupBy(m => m.Groups["word"].Value)
            .ToDictionary(g => g.Key, g => double.Parse(g.First().Groups["number"].Value, CultureInfo.InvariantCulture));

    [GeneratedRegex(@"(?<word>\w+) (?<number>\d+)\b", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Number();
}
