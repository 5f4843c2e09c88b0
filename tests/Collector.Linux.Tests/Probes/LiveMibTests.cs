using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Linux.Kernel;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// The real kernel, in namespaces of the test's own: traffic is caused, and every counter is compared with nstat, which
/// reads the same files with code of its own.
/// </summary>
public sealed class LiveMibTests
{
    // What nstat leaves out on purpose: settings and a state (useless_numbers in its source).
    private static readonly string[] NotInNstat =
    [
        "IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab",
    ];

    [RequiresRootTheory("nstat", "ping")]
    [InlineData(CollectionSource.Kernel)]
    [InlineData(CollectionSource.Proc)]
    public void Every_counter_equals_nstat_after_traffic_of_all_kinds(CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        CauseTraffic(pair);
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            var compared = 0;
            foreach (var id in new[] { "tcp", "tcpext", "udp", "ip", "ipext", "icmp" })
                compared += Compare(id, ns, source);
            // All that nstat prints, but for ICMP types, which have a table of their own.
            compared.ShouldBe(Nstat(ns).Count(c => !IsIcmpType(c.Key)) + NotInNstat.Length);
        }
    }

    [RequiresRootFact("nstat")]
    public void Listen_overflow_is_counted_where_it_happens()
    {
        using var pair = new TestNetnsPair();
        using var listener = pair.Right.Inside(() => Bind(SocketType.Stream, TestNetnsPair.RightIPv4, 80));
        listener.Listen(1);
        using var run = new FileProbeRun("tcpext", new KernelPaths());
        var clients = pair.Left.Inside(
            () => Enumerable.Range(0, 8).Select(_ => Connect(TestNetnsPair.RightIPv4, 80)).ToList());
        // Two fit (backlog + 1); the others' last ACK finds no place.
        Eventually(() => run.Collect().ValueIn(pair.Right.Inode, "netlens.tcpext.listen_overflows") > 0).ShouldBeTrue();
        run.ValueIn(pair.Right.Inode, "netlens.tcpext.listen_drops").ShouldNotBeNull()
            .ShouldBeGreaterThanOrEqualTo(run.ValueIn(pair.Right.Inode, "netlens.tcpext.listen_overflows")!.Value);
        run.ValueIn(pair.Left.Inode, "netlens.tcpext.listen_overflows").ShouldBe(0);
        clients.ForEach(c => c.Dispose());
    }

    [RequiresRootFact]
    public void Udp_errors_are_counted_by_cause_and_family()
    {
        using var pair = new TestNetnsPair();
        using var run = new FileProbeRun("udp", new KernelPaths());
        using var receiver = pair.Right.Inside(() => Bind(SocketType.Dgram, TestNetnsPair.RightIPv4, 5000));
        receiver.ReceiveBufferSize = 1;
        using var sender = pair.Left.Inside(
            () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        for (var i = 0; i < 64; i++)
            sender.SendTo(new byte[1000], new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv4), 5000));
        using var sender6 = pair.Left.Inside(
            () => new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp));
        sender6.SendTo(new byte[1], new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv6), 5001));
        var right = pair.Right.Inode;
        Eventually(() => run.Collect().ValueIn(right, "netlens.udp.rcvbuf_errors", "network.type=ipv4") > 0)
            .ShouldBeTrue();
        run.ValueIn(right, "netlens.udp.rcvbuf_errors", "network.type=ipv6").ShouldBe(0);
        // The datagram waits until the neighbour is resolved.
        Eventually(() => run.Collect().ValueIn(right, "netlens.udp.no_ports", "network.type=ipv6") == 1).ShouldBeTrue();
        run.ValueIn(right, "netlens.udp.no_ports", "network.type=ipv4").ShouldBe(0);
        run.ValueIn(pair.Left.Inode, "netlens.udp.datagrams", "network.type=ipv4", "network.io.direction=transmit")
            .ShouldBe(64);
    }

    [RequiresRootFact]
    public void Resets_are_counted_on_both_sides()
    {
        using var pair = new TestNetnsPair();
        using var run = new FileProbeRun("tcp", new KernelPaths());
        using var listener = pair.Right.Inside(() => Bind(SocketType.Stream, TestNetnsPair.RightIPv6, 80));
        listener.Listen(4);
        var client = pair.Left.Inside(() => Connect(TestNetnsPair.RightIPv6, 80, wait: true));
        using var accepted = listener.Accept();
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        using var refused = pair.Left.Inside(() => Connect(TestNetnsPair.RightIPv4, 81));
        Eventually(() => run.Collect().ValueIn(pair.Right.Inode, "netlens.tcp.estab_resets") == 1).ShouldBeTrue();
        run.ValueIn(pair.Left.Inode, "netlens.tcp.out_rsts").ShouldBe(1);
        Eventually(() => run.Collect().ValueIn(pair.Left.Inode, "netlens.tcp.attempt_fails") == 1).ShouldBeTrue();
        run.ValueIn(pair.Right.Inode, "netlens.tcp.out_rsts").ShouldBe(1);
    }

    [RequiresRootFact("ping")]
    public void Icmp_and_fragments_are_counted_by_kind_and_family()
    {
        using var pair = new TestNetnsPair();
        pair.Left.Run("ping", "-q", "-c", "3", "-i", "0.2", "-s", "4000", TestNetnsPair.RightIPv4);
        pair.Left.Run("ping", "-q", "-c", "2", "-i", "0.2", "-s", "4000", TestNetnsPair.RightIPv6);
        using var icmp = new FileProbeRun("icmp", new KernelPaths(), ("include", "all"));
        using var ip = new FileProbeRun("ip", new KernelPaths(), ("include", "all"));
        var right = pair.Right.Inode;
        icmp.Collect().ValueIn(right, "netlens.icmp.echo_request", "network.type=ipv4", "network.io.direction=receive")
            .ShouldBe(3);
        icmp.ValueIn(right, "netlens.icmp.echo_reply", "network.type=ipv6", "network.io.direction=transmit")
            .ShouldBe(2);
        icmp.ValueIn(right, "netlens.icmp.type.messages", "netlens.icmp.type=8", "network.type=ipv4",
            "network.io.direction=receive").ShouldBe(3);
        icmp.ValueIn(right, "netlens.icmp.type.messages", "netlens.icmp.type=129", "network.type=ipv6",
            "network.io.direction=transmit").ShouldBe(2);
        // 4008 bytes in packets of 1500: three fragments each.
        ip.Collect().ValueIn(right, "netlens.ip.reasm_reqds", "network.type=ipv4").ShouldBe(9);
        ip.ValueIn(right, "netlens.ip.reasm_oks", "network.type=ipv4").ShouldBe(3);
        ip.ValueIn(right, "netlens.ip.frag_creates", "network.type=ipv6").ShouldBe(6);
    }

    [RequiresRootFact("ss")]
    public void Sockets_in_use_are_those_of_ss()
    {
        using var pair = new TestNetnsPair();
        using var tcp = pair.Right.Inside(() => Bind(SocketType.Stream, TestNetnsPair.RightIPv4, 80));
        tcp.Listen(4);
        using var tcp6 = pair.Right.Inside(() => Bind(SocketType.Stream, TestNetnsPair.RightIPv6, 80));
        tcp6.Listen(4);
        using var udp = pair.Right.Inside(() => Bind(SocketType.Dgram, TestNetnsPair.RightIPv4, 53));
        using var client = pair.Left.Inside(() => Connect(TestNetnsPair.RightIPv4, 80, wait: true));
        using var accepted = tcp.Accept();
        using var run = new FileProbeRun("sock", new KernelPaths(), ("include", "all"));
        run.Collect().Failures.ShouldBeEmpty();
        run.Snapshot.Tables[0].Rows.ToArray().Select(r => r.Subject!.Inode).ShouldContain(pair.Right.Inode);
        // "Transport Total IP IPv6" then a line per protocol.
        foreach (var line in pair.Right.Run("ss", "-s").Split('\n')
            .Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)))
        {
            if (line is not [("TCP" or "UDP" or "RAW" or "FRAG") and var protocol, _, var v4, var v6])
                continue;
            var (name, tag) = protocol == "FRAG"
                ? ("netlens.sock.fragment.queues", "")
                : ("netlens.sock.in_use", protocol);
            string[] tags = tag.Length == 0 ? [] : [$"network.transport={tag.ToLowerInvariant()}"];
            run.ValueIn(pair.Right.Inode, name, [.. tags, "network.type=ipv4"]).ShouldBe(double.Parse(v4), protocol);
            run.ValueIn(pair.Right.Inode, name, [.. tags, "network.type=ipv6"]).ShouldBe(double.Parse(v6), protocol);
        }
        run.ValueIn(pair.Right.Inode, "netlens.sock.in_use", "network.transport=tcp", "network.type=ipv4").ShouldBe(2);
        run.ValueIn(pair.Right.Inode, "netlens.sock.in_use", "network.transport=tcp", "network.type=ipv6").ShouldBe(1);
        // The machine's figures are one row, whatever number of namespaces there is.
        run.Series().Count(s => s.Metric.Name == "netlens.sock.allocated").ShouldBe(1);
    }

    [RequiresRootFact]
    public void W_M5_softnet_is_the_same_in_every_namespace()
    {
        using var ns = new TestNetns();
        // Only the counts of the test's moment differ: the number of lines and the CPUs are the machine's.
        ns.Run("cat", "/proc/net/softnet_stat").Split('\n').Select(l => l.Split(' ').ElementAtOrDefault(12))
            .ShouldBe(File.ReadAllLines("/proc/net/softnet_stat").Select(l => l.Split(' ').ElementAtOrDefault(12))
                .Append(null));
    }

    private static int Compare(string id, TestNetns ns, CollectionSource source)
    {
        using var run = new FileProbeRun(source, id, ("include", "all"));
        var part = run.Host.Parts.All.Single(p => p.Name == "mib");
        part.Source.ShouldBe(source == CollectionSource.Proc ? "proc" : "kernel", part.Reason);
        var inode = ns.Inode;
        var columns = ((MibProbe)run.Probe).Plan.Columns;
        for (var attempt = 0; ; attempt++)
        {
            var before = Values(run.Collect(), inode);
            var nstat = Nstat(ns);
            var after = Values(run.Collect(), inode);
            // Something moved in between (a late neighbour solicitation): look again.
            if (!before.SequenceEqual(after) && attempt < 20)
            {
                Thread.Sleep(100);
                continue;
            }
            var compared = 0;
            foreach (var ((section, counter), column) in columns)
            {
                if (before[column] == Metric.Absent)
                    continue;
                compared++;
                if (!NotInNstat.Contains(section + counter))
                    before[column].ShouldBe(nstat[section + counter], $"{id}: {section} {counter}");
            }
            return compared;
        }
    }

    private static long[] Values(FileProbeRun run, ulong inode)
    {
        var row = run.Series().First(s => s.Row.Subject?.Inode == inode && s.Row.Table.RowTags.Count == 0).Row;
        var table = run.Snapshot.Find(row.Table)!;
        var index = table.Rows.IndexOf(row);
        return [.. Enumerable.Range(0, row.Table.Width).Select(c => table.Column(c)[index])];
    }

    private static Dictionary<string, long> Nstat(TestNetns ns)
    {
        using var json = JsonDocument.Parse(ns.Run("nstat", "-a", "-s", "-z", "-j"));
        return json.RootElement.GetProperty("kernel").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetInt64());
    }

    private static bool IsIcmpType(string name) =>
        name.StartsWith("IcmpMsg", StringComparison.Ordinal) || name.StartsWith("Icmp6InType", StringComparison.Ordinal)
        || name.StartsWith("Icmp6OutType", StringComparison.Ordinal);

    private static void CauseTraffic(TestNetnsPair pair)
    {
        pair.Left.Run("ping", "-q", "-c", "2", "-i", "0.2", "-s", "3000", TestNetnsPair.RightIPv4);
        pair.Left.Run("ping", "-q", "-c", "2", "-i", "0.2", "-s", "3000", TestNetnsPair.RightIPv6);
        foreach (var address in new[] { TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6 })
        {
            using var listener = pair.Right.Inside(() => Bind(SocketType.Stream, address, 80));
            listener.Listen(4);
            using var client = pair.Left.Inside(() => Connect(address, 80, wait: true));
            using var accepted = listener.Accept();
            client.Send(new byte[5000]);
            using var refused = pair.Left.Inside(() => Connect(address, 81));
            using var udp = pair.Left.Inside(
                () => new Socket(client.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
            udp.SendTo(new byte[9], new IPEndPoint(IPAddress.Parse(address), 82));
        }
    }

    private static Socket Bind(SocketType type, string address, int port)
    {
        var ip = IPAddress.Parse(address);
        var socket = new Socket(
            ip.AddressFamily, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.Bind(new IPEndPoint(ip, port));
        return socket;
    }

    private static Socket Connect(string address, int port, bool wait = false)
    {
        var ip = IPAddress.Parse(address);
        var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = wait };
        try
        {
            socket.Connect(new IPEndPoint(ip, port));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // Left to itself: the test looks at the kernel's counters.
        }
        return socket;
    }

    private static bool Eventually(Func<bool> condition)
    {
        for (var i = 0; i < 100; i++)
        {
            if (condition())
                return true;
            Thread.Sleep(50);
        }
        return false;
    }
}
