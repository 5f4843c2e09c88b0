using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Connection tracking on the real kernel against <c>conntrack -S</c> and the kernel's own count.</summary>
public sealed partial class ConntrackTests
{
    [RequiresRootFact("conntrack", "nft")]
    public void W_M16_A_namespace_has_its_own_figures_and_only_those_that_the_kernel_sends()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        ns.Run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
            + "add rule inet t in ct state invalid drop");
        ns.Inside(() =>
        {
            using var listener = new TcpListener(IPAddress.Any, 7777);
            listener.Start();
            pair.Left.Inside(() =>
            {
                using var client = new TcpClient();
                client.Connect(TestNetnsPair.RightIPv4, 7777);
                client.GetStream().WriteByte(1);
            });
        });
        using var run = new KernelProbeRun("conntrack", ("include", "all"));
        KernelProbeRun.Eventually(() =>
        {
            var before = ns.Run("conntrack", "-S");
            var row = run.Row("conntrack", ns);
            var after = ns.Run("conntrack", "-S");
            if (before != after)
                return false;
            var shown = Sums(after);
            foreach (var (name, sum) in shown)
                row[$"netlens.conntrack.{Ours(name)}"].ShouldBe(sum, name);
            // Whatever conntrack(8) does not show was not sent, so it is not exported either.
            row.Values.Keys.Select(k => k["netlens.conntrack.".Length..]).Except(["entry.count", "entry.limit"])
                .ShouldBe(shown.Keys.Select(Ours), ignoreOrder: true);
            row["netlens.conntrack.entry.count"].ShouldBe(Number(ns, "count"));
            row["netlens.conntrack.entry.limit"].ShouldBe(Number(ns, "max"));
            return row["netlens.conntrack.entry.count"] >= 1;
        });
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact("conntrack", "nft", "ping")]
    public void Invalid_packets_are_counted()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        ns.Run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
            + "add rule inet t in ct state invalid counter");
        using var run = new KernelProbeRun("conntrack");
        // Nothing was tracked there yet.
        run.Rows("conntrack", ns).ShouldBeEmpty();
        pair.Left.Run("ping", "-c", "1", TestNetnsPair.RightIPv4);
        var before = run.Row("conntrack", ns)["netlens.conntrack.invalid"];
        // An ICMP error about a packet that was never sent: type 3, code 3, quoting an UDP header.
        pair.Left.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
            var packet = new byte[36];
            packet[0] = 3;
            packet[1] = 3;
            packet[2] = 0xff; // A wrong checksum makes it invalid for certain.
            socket.SendTo(packet, new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv4), 0));
        });
        KernelProbeRun.Eventually(() =>
        {
            var row = run.Row("conntrack", ns);
            return row["netlens.conntrack.invalid"] + row["netlens.conntrack.error"] > before;
        });
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var ns = new TestNetns();
        KernelProbeRun.AllocatedInHundred("conntrack", ns).ShouldBe(0);
    }

    [Fact]
    public void Each_CPU_is_followed_through_its_own_wrap()
    {
        var sums = new PerCpuSums();
        Look(sums, (0, uint.MaxValue), (1, 10));
        sums.Totals[Ctnetlink.CTA_STATS_DROP].ShouldBe(uint.MaxValue + 10L);
        Look(sums, (0, 4), (1, 11));
        sums.Totals[Ctnetlink.CTA_STATS_DROP].ShouldBe(uint.MaxValue + 5L + 11);
        sums.Totals[Ctnetlink.CTA_STATS_IGNORE].ShouldBe(-1);
    }

    [Fact]
    public void Counters_that_began_anew_with_their_module_are_no_wrap()
    {
        var sums = new PerCpuSums();
        Look(sums, (0, 1000), (1, 10));
        Look(sums, (0, 3), (1, 0));
        sums.Totals[Ctnetlink.CTA_STATS_DROP].ShouldBe(3);
    }

    [Fact]
    public void A_dump_that_was_broken_off_counts_nothing()
    {
        var sums = new PerCpuSums();
        Look(sums, (0, 100), (1, 100));
        INetlinkSink sink = sums;
        sink.Begin();
        sink.Take(Message(0, 500)).ShouldBeTrue();
        sums.Totals[Ctnetlink.CTA_STATS_DROP].ShouldBe(200);
        Look(sums, (0, 101), (1, 100));
        sums.Totals[Ctnetlink.CTA_STATS_DROP].ShouldBe(201);
    }

    private static void Look(PerCpuSums sums, params (ushort Cpu, uint Drops)[] cpus)
    {
        INetlinkSink sink = sums;
        sink.Begin();
        foreach (var (cpu, drops) in cpus)
            sink.Take(Message(cpu, drops)).ShouldBeTrue();
        sums.Commit();
    }

    private static NetlinkMessage Message(ushort cpu, uint drops)
    {
        var header = new nfgenmsg { res_id = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(cpu) };
        return new NetlinkMessage(ConntrackMessage.PerCpu,
            new MessageBytes().Struct(header).BigEndian(Ctnetlink.CTA_STATS_DROP, drops).Bytes);
    }

    private static long Number(TestNetns ns, string what) =>
        long.Parse(ns.Run("sysctl", "-n", $"net.netfilter.nf_conntrack_{what}").Trim());

    // "cpu=0   found=0 invalid=0 insert=0 ..."
    private static Dictionary<string, long> Sums(string text) => Pairs().Matches(text)
        .Where(m => m.Groups["name"].Value != "cpu")
        .GroupBy(m => m.Groups["name"].Value, m => long.Parse(m.Groups["value"].Value))
        .ToDictionary(g => g.Key, g => g.Sum());

    private static string Ours(string name) => name switch
    {
        "chaintoolong" => "chain_toolong",
        "clashres" or "clash_resolve" => "clash_resolve",
        _ => name,
    };

    [GeneratedRegex(@"(?<name>\w+)=(?<value>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Pairs();
}
