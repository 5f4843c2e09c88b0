using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>TCP sockets on the real kernel against ss(8).</summary>
public sealed class TcpSummaryTests : IDisposable
{
    private const string Depth = "netlens.tcp.listen.queue.usage";
    private const string Highest = "netlens.tcp.listen.queue.highest";
    private const string Limit = "netlens.tcp.listen.queue.limit";
    private const string Drops = "netlens.tcp.listen.dropped";
    private const string Sockets = "netlens.tcp.listen.socket.count";

    // ss(8)'s names of the states, and ours.
    private static readonly Dictionary<string, string> States = new()
    {
        ["ESTAB"] = "established", ["SYN-SENT"] = "syn_sent", ["SYN-RECV"] = "syn_received",
        ["FIN-WAIT-1"] = "fin_wait_1",
        ["FIN-WAIT-2"] = "fin_wait_2", ["TIME-WAIT"] = "time_wait", ["UNCONN"] = "closed",
        ["CLOSE-WAIT"] = "close_wait",
        ["LAST-ACK"] = "last_ack", ["LISTEN"] = "listen", ["CLOSING"] = "closing",
    };

    private readonly List<Socket> _sockets = [];

    [RequiresRootFact("ss", "nft")]
    public void Every_state_and_both_queues_are_those_that_ss_shows_over_IPv4_and_IPv6()
    {
        using var pair = new TestNetnsPair();
        var server = Listen(pair.Right, IPAddress.IPv6Any, 7001, 16);
        var client4 = Connect(pair.Left, TestNetnsPair.RightIPv4, 7001);
        var client6 = Connect(pair.Left, TestNetnsPair.RightIPv6, 7001);
        var accepted = server.Accept();
        _sockets.Add(accepted);
        client4.Send(new byte[300]);
        accepted.Send(new byte[100]);
        // The peer ends first: CLOSE-WAIT there, FIN-WAIT-2 here.
        client6.Shutdown(SocketShutdown.Send);
        // No answers leave from 7002: SYN-RECV there, SYN-SENT here.
        pair.Right.Run("nft", "add table inet t; add chain inet t o { type filter hook output priority 0; }; "
            + "add rule inet t o tcp sport 7002 drop");
        Listen(pair.Right, IPAddress.Any, 7002, 16);
        var half = pair.Left.Inside(
            () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
        _sockets.Add(half);
        Should.Throw<SocketException>(() => half.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), 7002));

        using var run = new KernelProbeRun("tcpsummary");
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            KernelProbeRun.Eventually(() =>
            {
                var before = Ss(ns);
                var row = run.Row("tcpsummary", ns);
                if (before != Ss(ns))
                    return false;
                foreach (var (theirs, ours) in States)
                    row[$"system.network.connection.count/tcp/{ours}"]
                        .ShouldBe(Lines(before).Count(l => l[0] == theirs), ours);
                var queued = Lines(before).Where(l => l[0] != "LISTEN").ToList();
                row["netlens.tcp.queue.usage/receive"].ShouldBe(queued.Sum(l => long.Parse(l[1])));
                row["netlens.tcp.queue.usage/transmit"].ShouldBe(queued.Sum(l => long.Parse(l[2])));
                return true;
            });
        }
        var right = run.Row("tcpsummary", pair.Right);
        right["system.network.connection.count/tcp/syn_received"].ShouldBe(1);
        right["system.network.connection.count/tcp/close_wait"].ShouldBe(1);
        right["netlens.tcp.queue.usage/receive"].ShouldBeGreaterThanOrEqualTo(300);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact("ss")]
    public void W_M10_A_full_accept_queue_shows_depth_limit_and_drops()
    {
        using var pair = new TestNetnsPair();
        Listen(pair.Right, IPAddress.Any, 7003, 1);
        using var run = new KernelProbeRun("tcpsummary");
        run.Row("tcpsummary.listen", pair.Right, "0.0.0.0")[Drops].ShouldBe(0);
        for (var i = 0; i < 6; i++)
            BeginConnect(pair.Left, TestNetnsPair.RightIPv4, 7003);
        KernelProbeRun.Eventually(() =>
        {
            var row = run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7003);
            var shown = Lines(pair.Right.Run("ss", "-H", "-ltn")).Single();
            row[Depth].ShouldBe(long.Parse(shown[1]));
            row[Limit].ShouldBe(long.Parse(shown[2]));
            row[Limit].ShouldBe(1);
            return row[Depth] > row[Limit] && row[Drops] > 0 && row[Drops] == DropsOf(pair.Right);
        });
    }

    [RequiresRootFact]
    public void W_M10_A_namespace_without_IPv6_is_counted_like_any_other()
    {
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv6.conf.all.disable_ipv6", "1");
        Listen(pair.Right, IPAddress.Any, 7004, 4);
        _ = Connect(pair.Left, TestNetnsPair.RightIPv4, 7004);
        using var run = new KernelProbeRun("tcpsummary");
        run.Row("tcpsummary", pair.Right)["system.network.connection.count/tcp/established"].ShouldBe(1);
        run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7004)[Depth].ShouldBe(1);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void Listeners_of_both_families_have_their_addresses_and_a_mapped_one_is_IPv4()
    {
        using var ns = new TestNetns();
        Listen(ns, IPAddress.IPv6Any, 7005, 5);
        Listen(ns, IPAddress.IPv6Loopback, 7006, 5);
        Listen(ns, IPAddress.Loopback.MapToIPv6(), 7007, 5);
        using var run = new KernelProbeRun("tcpsummary");
        run.Rows("tcpsummary.listen", ns).Select(r => $"{r.Tags[0]} {r.Tags[1]}").Order()
            .ShouldBe(["127.0.0.1 7007", ":: 7005", "::1 7006"], ignoreOrder: true);
        run.Rows("tcpsummary.listen", ns).ShouldAllBe(r => r.Tags[1].IsNumber);
    }

    [RequiresRootFact]
    public void Sockets_that_share_an_address_are_one_row_in_which_the_full_one_is_seen()
    {
        using var pair = new TestNetnsPair();
        var shards = Enumerable.Range(0, 2).Select(_ => Listen(pair.Right, IPAddress.Any, 7008, 50, share: true))
            .ToList();
        for (var i = 0; i < 12; i++)
            Connect(pair.Left, TestNetnsPair.RightIPv4, 7008);
        using var run = new KernelProbeRun("tcpsummary");
        KernelProbeRun.Eventually(() =>
        {
            var row = run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7008);
            row[Sockets].ShouldBe(2);
            row[Limit].ShouldBe(100);
            return row[Depth] == 12 && row[Highest] is >= 6 and <= 12;
        });
        // The row outlives one of its sockets.
        var before = run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7008);
        shards[0].Dispose();
        var after = run.Row("tcpsummary.listen", pair.Right, "0.0.0.0", 7008);
        after.Row.ShouldBeSameAs(before.Row);
        after[Sockets].ShouldBe(1);
        after[Drops].ShouldBeGreaterThanOrEqualTo(before[Drops]);
    }

    [RequiresRootFact]
    public void Listeners_beyond_the_bound_share_a_row_and_are_reported()
    {
        using var ns = new TestNetns();
        for (var port = 7010; port < 7015; port++)
            Listen(ns, IPAddress.Loopback, port, 10);
        using var run = new KernelProbeRun("tcpsummary", ("maxListeners", "2"));
        var rows = run.Rows("tcpsummary.listen", ns);
        rows.Count.ShouldBe(3);
        rows.Single(r => r.Tags[0].Text == "other")[Sockets].ShouldBe(3);
        rows.Single(r => r.Tags[0].Text == "other")[Limit].ShouldBe(30);
        run.Failures.ShouldContain("listeners_over_limit");
        run.Row("tcpsummary", ns)["system.network.connection.count/tcp/listen"].ShouldBe(5);
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var ns = new TestNetns();
        Listen(ns, IPAddress.Loopback, 7020, 10);
        KernelProbeRun.AllocatedInHundred("tcpsummary", ns).ShouldBe(0);
    }

    [Fact]
    public void Drops_of_a_shared_address_never_fall_when_a_socket_is_closed_and_go_on_after_a_wrap()
    {
        var look = new ListenerLooks();
        look.At((Cookie: 1, Drops: 10), (2, uint.MaxValue)).ShouldBe(10L + uint.MaxValue);
        look.At((1, 12), (2, 3)).ShouldBe(12L + uint.MaxValue + 4);
        look.At((1, 12)).ShouldBe(12L + uint.MaxValue + 4);
        look.At((1, 13), (3, 5)).ShouldBe(12L + uint.MaxValue + 4 + 1 + 5);
    }

    private static long DropsOf(TestNetns ns)
    {
        // skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d5)
        var text = ns.Run("ss", "-H", "-ltnm");
        var from = text.LastIndexOf(",d", StringComparison.Ordinal) + 2;
        return long.Parse(text.AsSpan(from, text.IndexOf(')', from) - from));
    }

    private static string Ss(TestNetns ns) => ns.Run("ss", "-H", "-tan");

    private static List<string[]> Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();

    private Socket Listen(TestNetns ns, IPAddress address, int port, int backlog, bool share = false)
    {
        var socket = ns.Inside(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                made.DualMode = true;
            if (share)
                made.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_REUSEPORT
            made.Bind(new IPEndPoint(address, port));
            made.Listen(backlog);
            return made;
        });
        _sockets.Add(socket);
        return socket;
    }

    private Socket Connect(TestNetns ns, string to, int port)
    {
        var address = IPAddress.Parse(to);
        var socket = ns.Inside(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            made.Connect(address, port);
            return made;
        });
        _sockets.Add(socket);
        return socket;
    }

    private void BeginConnect(TestNetns ns, string to, int port)
    {
        var socket = ns.Inside(
            () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
        _sockets.Add(socket);
        try
        {
            socket.Connect(IPAddress.Parse(to), port);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return; // It goes on by itself, or never ends because the queue is full: which is the point.
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
    }

    /// <summary>Listeners at one address as an inet_diag answer describes them.</summary>
    private sealed class ListenerLooks
    {
        private static readonly NetNamespace Ns = new(1, 1, false, 0);
        private readonly TcpListeners _listeners =
            new(Ns, new RowAllowance(new LimitSet(new()).Listeners, Ns));
        private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);

        public long At(params (uint Cookie, uint Drops)[] sockets)
        {
            INetlinkSink sink = _listeners;
            sink.Begin();
            foreach (var (cookie, drops) in sockets)
                sink.Take(new NetlinkMessage(20, Message(cookie, drops))).ShouldBeTrue();
            _builder.Begin();
            _listeners.Commit(_builder).ShouldBeTrue();
            _listeners.Write(_builder);
            var table = _builder.Publish().Find(TcpListeners.Table)!;
            table.Count.ShouldBe(1);
            return table.Column(TcpListeners.Table.Metrics.Single(m => m.Name == Drops))[0];
        }

        private static unsafe byte[] Message(uint cookie, uint drops)
        {
            var message = new inet_diag_msg { idiag_family = 2, idiag_state = 10 };
            message.id.idiag_cookie[0] = cookie;
            var memory = new byte[36];
            MemoryMarshal.Write(memory.AsSpan(32), drops);
            return new MessageBytes().Struct(message).Attribute(SockDiag.INET_DIAG_SKMEMINFO, memory).Bytes;
        }
    }
}
