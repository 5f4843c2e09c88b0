using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Every fault is caused, and counter, event, ends, namespace and reason are compared with what nftables, the kernel's
/// SNMP counters or tcpdump saw.
/// </summary>
public sealed partial class PacketLossTests
{
    private const string Drops = "netlens.packetloss.drops";
    private const string Total = "kubeskoop_packetloss_total";
    private const string Netfilter = "kubeskoop_packetloss_netfilter";

    [RequiresBpfTheory("tcpdump", "nstat")]
    [InlineData(TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, "ipv4", "__udp4_lib_rcv")]
    [InlineData(TestNetnsPair.LeftIPv6, TestNetnsPair.RightIPv6, "ipv6", "__udp6_lib_rcv")]
    public void A_closed_udp_port(string source, string target, string family, string function)
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");
        var reason = Reason(run, "NO_SOCKET", function);
        var capture = pair.Right.Start("tcpdump", "-nn", "-c", "1", "-i", TestNetnsPair.Interface, "udp port 4243");
        WaitForCapture(capture);

        var port = DropTraffic.Datagrams(pair.Left, target, 4243);

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243);
        e.Tuple.ShouldBe(new FlowTuple("udp", IPAddress.Parse(source), port, IPAddress.Parse(target), 4243));
        // tcpdump: "... IP 192.0.2.1.33333 > 192.0.2.2.4243: UDP, length 16"
        var seen = Ends().Match(capture.StandardOutput.ReadLine()!);
        seen.Groups["source"].Value.ShouldBe($"{source}.{port}");
        seen.Groups["target"].Value.ShouldBe($"{target}.4243");
        e.Info.Name.ShouldBe("netlens.packetloss.refused");
        var (from, to) = (new IPEndPoint(e.Tuple!.Source, port), new IPEndPoint(e.Tuple.Destination, 4243));
        e.Message.ShouldStartWith($"network namespace {pair.Right.Name} refused udp from {from} to {to}: "
            + (reason == "NO_SOCKET" ? "no socket (NO_SOCKET in " : $"{reason} in "));
        e.Fields[0].ShouldBe(reason);
        e.Fields[1]!.Value.Text.ShouldMatch(@"^\w[\w.]*\+0x[0-9a-f]+$");
        e.Fields[4].ShouldBeNull();
        e.KubeSkoopType.ShouldBe("PacketLoss");
        Math.Abs(e.ObservedTime - e.Time).ShouldBeLessThan(60_000_000_000);
        // One, unless somebody else sent there too.
        var unheard = TcpLab.Nstat(pair.Right, family == "ipv4" ? "UdpNoPorts" : "Udp6NoPorts");
        run.Sum(Drops, pair.Right, reason, family).ShouldBe(unheard, run.Rows(Drops, pair.Right));
        run.Sum(Drops, pair.Right).ShouldBe(unheard);
        run.Sum(Total, pair.Right).ShouldBe(unheard);
        run.Sum(Netfilter, pair.Right).ShouldBe(0);
        run.Sum(Drops, pair.Left, reason).ShouldBe(0);
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, "ipv4", "tcp_v4_rcv")]
    [InlineData(TestNetnsPair.LeftIPv6, TestNetnsPair.RightIPv6, "ipv6", "tcp_v6_rcv")]
    public void A_closed_tcp_port(string source, string target, string family, string function)
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");

        DropTraffic.Connect(pair.Left, target, 4243).ShouldBeFalse();

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.Transport == "tcp");
        e.Tuple!.Source.ShouldBe(IPAddress.Parse(source));
        e.Tuple.Destination.ShouldBe(IPAddress.Parse(target));
        e.Tuple.DestinationPort.ShouldBe(4243);
        e.Fields[4].ShouldBe("SYN");
        run.Sum(Drops, pair.Right, Reason(run, "NO_SOCKET", function), family)
            .ShouldBe(Nstat(pair.Right, "TcpOutRsts"));
        run.Sum("inspector_pod_packetloss_tcprcv", pair.Right).ShouldBe(1);
    }

    [RequiresBpfTheory("nft")]
    [InlineData("input", TestNetnsPair.RightIPv4)]
    [InlineData("input", TestNetnsPair.RightIPv6)]
    [InlineData("forward", "203.0.113.1")]
    public void An_nft_rule(string hook, string target)
    {
        using var pair = DropTraffic.Pair();
        Forwarding(pair, toTarget: true);
        NftDrop(pair.Right, hook, "udp dport 4243");
        using var run = new BpfProbeRun("packetloss");
        var reason = Reason(run, "NETFILTER_DROP", "nf_hook_slow");

        DropTraffic.Datagrams(pair.Left, target, 4243, count: 25);

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243);
        e.Tuple!.Destination.ShouldBe(IPAddress.Parse(target));
        e.Fields[0].ShouldBe(reason);
        e.Fields[3].ShouldBe(InterfaceIndex(pair.Right));
        var counted = NftCounter(pair.Right);
        counted.ShouldBe(25);
        run.Sum(Drops, pair.Right, reason).ShouldBe(counted);
        run.Sum(Netfilter, pair.Right).ShouldBe(counted);
        run.Sum("inspector_pod_packetloss_abnormal", pair.Right).ShouldBe(0);
    }

    [RequiresBpfFact("nstat")]
    public void A_wrong_checksum()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");

        DropTraffic.BadChecksum(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, 1234, 4243);

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243);
        e.Tuple!.SourcePort.ShouldBe(1234);
        Nstat(pair.Right, "UdpInCsumErrors").ShouldBe(1);
        run.Sum(Drops, pair.Right, Reason(run, "UDP_CSUM", "__udp4_lib_rcv")).ShouldBe(1);
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.RightIPv4, "UdpRcvbufErrors", "ipv4")]
    [InlineData(TestNetnsPair.RightIPv6, "Udp6RcvbufErrors", "ipv6")]
    public void A_full_receive_buffer_of_a_dual_stack_socket(string target, string counter, string family)
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");
        using var receiver = pair.Right.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp)
            {
                DualMode = true, ReceiveBufferSize = 4096,
            };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 4243));
            return socket;
        });

        DropTraffic.Datagrams(pair.Left, target, 4243, count: 500, size: 500);

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243);
        e.Tuple!.Destination.ShouldBe(IPAddress.Parse(target));
        var errors = Nstat(pair.Right, counter);
        errors.ShouldBeGreaterThan(100);
        var function = family == "ipv4" ? "udp_queue_rcv_one_skb" : "udpv6_queue_rcv_one_skb";
        run.Sum(Drops, pair.Right, Reason(run, "SOCKET_RCVBUFF", function), family).ShouldBe(errors);
    }

    [RequiresBpfFact("nstat")]
    public void No_route()
    {
        using var pair = DropTraffic.Pair();
        Forwarding(pair, toTarget: false);
        using var run = new BpfProbeRun("packetloss");

        DropTraffic.Datagrams(pair.Left, "203.0.113.1", 4243, count: 3);

        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243);
        e.Fields[1]!.Value.Text.ShouldStartWith("ip_error+");
        Nstat(pair.Right, "IpExtInNoRoutes").ShouldBe(3);
        run.Sum(Drops, pair.Right, e.Fields[0]!.Value, "ipv4").ShouldBe(3);
    }

    /// <summary>
    /// The kernel accepts handshakes that it has begun only while there is room; their last ACK is what it drops. A SYN
    /// that comes when there is no room is freed like a consumed packet: no probe can see it here, tcpext counts it.
    /// </summary>
    [RequiresBpfFact("nft", "nstat")]
    public void A_full_accept_queue()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");
        using var listener = pair.Right.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 4243));
            socket.Listen(3);
            return socket;
        });
        var clients = new List<Socket>();
        Connect(3);
        // The handshakes' last segments are kept away at first, so that all begin while there is room.
        NftDrop(pair.Right, "input", "tcp dport 4243 tcp flags & (syn | ack) == ack");
        Connect(3);
        // Both go on counting, as the handshakes are repeated.
        var least = NftCounter(pair.Right);
        run.Sum(Netfilter, pair.Right).ShouldBeInRange(least, NftCounter(pair.Right));
        pair.Right.Run("nft", "flush", "ruleset");

        try
        {
            BpfProbeRun.Eventually(() => Nstat(pair.Right, "TcpExtListenOverflows").ShouldBeGreaterThanOrEqualTo(2));
            least = Nstat(pair.Right, "TcpExtListenOverflows");
            run.Sum("inspector_pod_packetloss_tcprcv", pair.Right)
                .ShouldBeInRange(least, Nstat(pair.Right, "TcpExtListenOverflows"));
            var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.DestinationPort == 4243
                && e.Fields[1]!.Value.Text.StartsWith("tcp_v4_rcv", StringComparison.Ordinal));
            e.Fields[4].ShouldBe("ACK");
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
        }

        void Connect(int count)
        {
            for (var i = 0; i < count; i++)
            {
                clients.Add(pair.Left.Inside(() =>
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    socket.Connect(new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv4), 4243));
                    return socket;
                }));
            }
        }
    }

    /// <summary>The kernel's reason, or on kernels without reasons the function.</summary>
    internal static string Reason(BpfProbeRun run, string reason, string function) =>
        run.Host.Bpf.Environment.Btf!.Enum("skb_drop_reason", "SKB_DROP_REASON_") is null ? function : reason;

    internal static long Nstat(TestNetns ns, string counter)
    {
        // -s: no history file; -a: values since the namespace began; -z: zeros too.
        foreach (var line in ns.Run("nstat", "-saz", counter).Split('\n'))
        {
            if (line.StartsWith(counter, StringComparison.Ordinal))
            {
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return long.Parse(words[1], CultureInfo.InvariantCulture);
            }
        }
        throw new InvalidOperationException($"nstat knows no {counter}");
    }

    internal static long NftCounter(TestNetns ns) =>
        long.Parse(NftPackets().Match(ns.Run("nft", "list", "ruleset")).Groups["packets"].Value,
            CultureInfo.InvariantCulture);

    /// <summary>A rule that counts and drops, or does otherwise.</summary>
    internal static void NftDrop(TestNetns ns, string hook, string match, string verdict = "drop") => ns.Run("nft",
        $"add table inet t; add chain inet t c {{ type filter hook {hook} priority 0; }}; "
            + $"add rule inet t c {match} counter {verdict}");

    private static long InterfaceIndex(TestNetns ns) =>
        long.Parse(ns.Run("cat", $"/sys/class/net/{TestNetnsPair.Interface}/ifindex"), CultureInfo.InvariantCulture);

    private static void Forwarding(TestNetnsPair pair, bool toTarget)
    {
        pair.Right.Sysctl("net.ipv4.ip_forward", "1");
        pair.Left.Run("ip", "route", "add", "default", "via", TestNetnsPair.RightIPv4);
        if (toTarget)
            pair.Right.Run("ip", "route", "add", "203.0.113.0/24", "via", TestNetnsPair.LeftIPv4);
    }

    private static void WaitForCapture(Process capture)
    {
        // "listening on veth0, ..." comes after tcpdump's advice about -v.
        while (capture.StandardError.ReadLine() is { } line && !line.StartsWith("listening", StringComparison.Ordinal))
            continue;
    }

    [GeneratedRegex(@"IP6? (?<source>\S+) > (?<target>\S+):", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Ends();

    [GeneratedRegex(@"counter packets (?<packets>\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NftPackets();
}
