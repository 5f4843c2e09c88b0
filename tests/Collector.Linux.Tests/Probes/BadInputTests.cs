using System.Text;
using Collector.Linux.Kernel.ProcFs;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// Files that no kernel writes: rows are left out with a reason, never an exception, never a wrong number.
/// </summary>
public sealed class BadInputTests
{
    private static readonly (string Probe, string File)[] Files =
    [
        ("tcp", "proc/net/snmp"), ("udp", "proc/net/snmp"), ("udp", "proc/net/snmp6"), ("icmp", "proc/net/snmp"),
        ("icmp", "proc/net/snmp6"), ("ip", "proc/net/snmp6"), ("tcpext", "proc/net/netstat"),
        ("xfrm", "proc/net/xfrm_stat"), ("ipext", "proc/net/netstat"), ("sock", "proc/net/sockstat"), ("sock", "proc/net/sockstat6"),
        ("softnet", "proc/net/softnet_stat"), ("ipvs", "proc/net/ip_vs_stats"), ("slab", "proc/slabinfo"),
        ("rdma", "sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data"),
    ];

    private static readonly Arbitrary<byte[]> Bytes = ArbMap.Default.ArbFor<byte[]>();

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var (probe, file) in Files)
            data.Add(probe, file);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_file_cut_anywhere_gives_true_numbers_only(string probe, string file)
    {
        using var tree = new TestTree("5.15");
        var whole = tree.Read(file);
        using var run = new FileProbeRun(probe, tree.Paths);
        var truth = Figures(run.Collect());
        var step = Math.Max(1, whole.Length / 150);
        for (var length = whole.Length - 1; length >= 0; length -= step)
        {
            tree.Write(file, whole[..length]);
            foreach (var (series, value) in Figures(run.Collect()))
            {
                // The sum of both address families is of what there is; all others are as before or not there.
                // What waits at a CPU whose line is gone is not counted.
                if (!series.Contains("kubeskoop_sock_inuse", StringComparison.Ordinal)
                    && !series.Contains("softnet.backlog", StringComparison.Ordinal))
                    truth.ShouldContainKeyAndValue(series, value);
            }
            if (length > 0 && whole[length - 1] != '\n' && Figures(run).Count < truth.Count)
                run.Failures.ShouldNotBeEmpty($"cut after {length} bytes");
        }
        tree.Write(file, whole);
        Figures(run.Collect()).ShouldBe(truth);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Any_bytes_do_not_stop_the_probe(string probe, string file)
    {
        using var tree = new TestTree("5.15");
        var whole = tree.Read(file);
        using var run = new FileProbeRun(probe, tree.Paths, WithAll(probe));
        Prop.ForAll(Bytes, bytes =>
        {
            tree.Write(file, bytes);
            run.Collect();
            // And in the middle of a file that is otherwise right.
            tree.Write(
                file, whole[..(whole.Length / 2)] + Encoding.Latin1.GetString(bytes) + whole[(whole.Length / 2)..]);
            run.Collect();
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("Tcp: A B\nTcp: 1\n")]
    [InlineData("Tcp: A B\nTcp: 1 2 3\n")]
    [InlineData("Tcp: A B\nUdp: 1 2\n")]
    [InlineData("Tcp: ActiveOpens PassiveOpens\nTcp: 1 x\n")]
    [InlineData("Tcp: ActiveOpens PassiveOpens\nTcp: 1  2\n")]
    [InlineData("Tcp: ActiveOpens ActiveOpens\nTcp: 1 2\n")]
    [InlineData("Tcp: ActiveOpens PassiveOpens\nTcp: 1 123456789012345678901234567890\n")]
    [InlineData("Tcp: ActiveOpens PassiveOpens\n")]
    [InlineData("Tcp: ActiveOpens PassiveOpens\nTcp: 1 2")]
    [InlineData("")]
    public void A_section_that_does_not_fit_is_left_out_with_a_reason(string content)
    {
        using var tree = new TestTree();
        tree.Write("proc/net/snmp", content);
        using var run = new FileProbeRun("tcp", tree.Paths);
        run.Collect().Series().ShouldBeEmpty();
        run.Failures.ShouldHaveSingleItem().ShouldBeOneOf("malformed", "truncated");
    }

    [Fact]
    public void A_bad_section_does_not_take_the_others_along()
    {
        using var tree = new TestTree();
        tree.Write("proc/net/snmp", "Tcp: ActiveOpens\nTcp: 1 2\nUdp: NoPorts\nUdp: 7\n");
        using var run = new FileProbeRun("udp", tree.Paths);
        run.Collect().Value("netlens.udp.no_ports", "network.type=ipv4").ShouldBe(7);
        run.Failures.ShouldBe(["malformed"]);
    }

    [Fact]
    public void A_negative_sum_printed_as_unsigned_is_absent_and_its_neighbours_stay()
    {
        using var tree = new TestTree();
        tree.Write("proc/net/snmp",
            "Tcp: ActiveOpens CurrEstab MaxConn InSegs\nTcp: 1 18446744073709551615 -1 9223372036854775807\n");
        using var run = new FileProbeRun("tcp", tree.Paths, ("include", "all"));
        run.Collect().Value("netlens.tcp.established").ShouldBeNull();
        run.Value("netlens.tcp.active_opens").ShouldBe(1);
        run.Value("netlens.tcp.max_conn").ShouldBe(-1);
        run.Series().Single(s => s.Metric.Name == "netlens.tcp.segments").Value.ShouldBe(long.MaxValue);
        run.Failures.ShouldBe(["over_63_bits"]);
    }

    [Theory]
    [InlineData("udp", "netlens.udp.no_ports", "proc/net/snmp6", "Udp6NoPorts                     \t9223372036854775808\n")]
    [InlineData("ipvs", "netlens.ipvs.connections", "proc/net/ip_vs_stats", null)]
    public void A_counter_beyond_63_bits_does_not_vanish_without_a_word(
        string probe, string metric, string file, string? text)
    {
        using var tree = new TestTree("5.15");
        tree.Write(file, text ?? "   Total Incoming Outgoing         Incoming         Outgoing\n"
            + "   Conns  Packets  Packets            Bytes            Bytes\n"
            + "8000000000000000        0        0                0                0\n");
        using var run = new FileProbeRun(probe, tree.Paths);
        run.Collect().Value(metric, "network.type=ipv6").ShouldBeNull();
        run.Failures.ShouldNotBeEmpty();
    }

    [Fact]
    public void W_M10_without_IPv6_the_IPv4_figures_stay_and_nothing_fails()
    {
        using var tree = new TestTree("6.18");
        tree.Delete("proc/net/snmp6");
        tree.Delete("proc/net/sockstat6");
        foreach (var id in new[] { "udp", "ip", "icmp", "ipext", "sock" })
        {
            using var run = new FileProbeRun(id, tree.Paths);
            run.Collect().Series().ShouldNotBeEmpty();
            run.Failures.ShouldBeEmpty();
            run.Series().ShouldAllBe(s => !s.Metric.Tags.Any(t => t.Value.Text == "ipv6"));
        }
        using var sock = new FileProbeRun("sock", tree.Paths);
        sock.Collect().Legacy("kubeskoop_sock_inuse")
            .ShouldBe(sock.Value("netlens.sock.in_use", "network.transport=tcp"));
    }

    [Fact]
    public void A_file_that_appears_later_is_found()
    {
        using var tree = new TestTree();
        using var run = new FileProbeRun("ipvs", tree.Paths);
        run.Collect().Series().ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
        using var full = new TestTree("5.15");
        tree.Write("proc/net/ip_vs_stats", full.Read("proc/net/ip_vs_stats"));
        for (var i = 0; i < 3; i++)
            run.Collect();
        run.Value("netlens.ipvs.connections").ShouldBe(11);
    }

    [Fact]
    public void Counters_of_a_layout_that_comes_later_are_added()
    {
        using var tree = new TestTree();
        tree.Write("proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 5\n");
        using var run = new FileProbeRun("tcpext", tree.Paths, ("include", "all"));
        run.Collect().Series().Count().ShouldBe(1);
        tree.Write("proc/net/netstat",
            "TcpExt: ListenDrops TCPNewThing\nTcpExt: 6 7\nMPTcpExt: MPTCPRetrans MPCurrEstab\nMPTcpExt: 8 9\n");
        run.Collect().Value("netlens.tcpext.listen_drops").ShouldBe(6);
        run.Value("netlens.tcpext.new_thing").ShouldBe(7);
        run.Value("netlens.tcpext.mptcp.retrans").ShouldBe(8);
        run.Series().Single(s => s.Metric.Name == "netlens.tcpext.mptcp.mp_curr_estab").Metric.Kind
            .ShouldBe(Core.Metrics.InstrumentKind.UpDownCounter);
        tree.Write("proc/net/netstat", "TcpExt: ListenDrops\nTcpExt: 10\n");
        run.Collect().Series().ShouldHaveSingleItem().Value.ShouldBe(10);
    }

    private static (string, string)[] WithAll(string probe) => probe switch
    {
        "softnet" => [("perCpu", "true")],
        "sock" or "ipvs" or "slab" => [],
        _ => [("include", "all")],
    };

    private static Dictionary<string, string> Figures(FileProbeRun run) => run.Text()
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split("} ", 2))
        .ToDictionary(part => part[0] + part[1][part[1].IndexOf(' ')..].Split('=')[0], part => part[1]);
}
