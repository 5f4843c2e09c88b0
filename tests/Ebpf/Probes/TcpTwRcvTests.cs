using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Segments that reach a connection in TIME_WAIT, seen by every way that this kernel has.</summary>
public sealed class TcpTwRcvTests
{
    private const string Segments = "netlens.tcptwrcv.segments";
    private const int ClientPort = 4001;

    private static readonly (string Word, KernelFeature Needs)[] Ways =
        [("fexit", KernelFeature.Fentry), ("_k", KernelFeature.Kprobes), ("_btf", new("rx_sk", new(6, 11)))];

    private static void ByEveryWay(Action<Lab> test)
    {
        var taken = 0;
        foreach (var lab in Ways.Select(w => Take(w.Word, w.Needs)).OfType<Lab>())
        {
            using var used = lab;
            test(lab);
            lab.Run.Sum(Segments, lab.Pair.Left).ShouldBe(0);
            taken++;
        }
        taken.ShouldBeGreaterThan(0);
    }

    // Null: the kernel cannot have the way, or has no types of its own.
    private static Lab? Take(string word, KernelFeature needs)
    {
        try
        {
            return new Lab(word);
        }
        catch (ProbeUnavailableException e) when (needs.WhyMissing is not null
            || e.Message.Contains("/sys/kernel/btf/vmlinux"))
        {
            return null;
        }
    }

    [RequiresBpfFact("ss")]
    public void Collections_allocate_nothing()
    {
        using var lab = new Lab("");
        lab.HalfClosed(Ends.V4).Client.Dispose();
        BpfProbeRun.Eventually(() => lab.Run.Sum(Segments, lab.Pair.Right).ShouldBeGreaterThan(0));
        lab.Run.Allocated(50).ShouldBe(0);
    }

    [RequiresBpfFact("ss")]
    public void A_late_end_of_the_peer_is_acknowledged() => ByEveryWay(static lab =>
    {
        foreach (var ends in TcpLab.All)
        {
            var (client, tuple) = lab.HalfClosed(ends);
            client.Dispose();
            lab.ShouldSee(TcpTwRcv.Segment, tuple, "ack", "FIN,ACK");
            // Without an acknowledgement the client would wait for it.
            Lab.ShouldBeGone(lab.Pair.Left);
        }
        lab.ShouldBeOneOfEach("ack");
    });

    [RequiresBpfFact("ss", "nstat")]
    public void Late_data_is_answered_with_a_reset() => ByEveryWay(static lab =>
    {
        foreach (var ends in TcpLab.All)
        {
            var (client, tuple) = lab.HalfClosed(ends);
            using var late = client;
            client.Send("late"u8);
            lab.ShouldSee(TcpTwRcv.Refused, tuple, "reset", "PSH,ACK");
        }
        lab.ShouldBeOneOfEach("reset");
        TcpLab.Nstat(lab.Pair.Right, "TcpOutRsts").ShouldBe(3);
    });

    [RequiresBpfFact("ss", "nstat")]
    public void A_new_connection_between_the_same_ends_is_let_through() => ByEveryWay(static lab =>
    {
        foreach (var ends in TcpLab.All)
        {
            using var listener = TcpLab.Listen(lab.Pair.Right, ends);
            var tuple = lab.TimeWait(ends, listener);
            using var client = lab.Connect(ends, listener, 0x50000000);
            if (lab.Tells)
                lab.ShouldSee(TcpTwRcv.Segment, tuple, "syn", "SYN");
            client.LingerState = new LingerOption(enable: true, 0);
        }
        TcpLab.Nstat(lab.Pair.Right, "TcpPassiveOpens").ShouldBe(6);
        lab.Run.Sum(Segments, lab.Pair.Right).ShouldBe(lab.Tells ? 3 : 0);
    });

    [RequiresBpfFact("ss", "nstat")]
    public void A_SYN_that_looks_old_is_acknowledged_and_a_reset_dropped() => ByEveryWay(static lab =>
    {
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var listener = TcpLab.Listen(lab.Pair.Right, ends);
            var tuple = lab.TimeWait(ends, listener);
            // Below what the connection began with. Nobody there has sent it: the acknowledgement meets a reset.
            ResetInjector.SendSyn(lab.Pair.Left, tuple.Destination, ClientPort, tuple.Source, tuple.SourcePort);
            lab.ShouldSee(TcpTwRcv.Refused, tuple, "ack", "SYN");
            lab.ShouldSee(TcpTwRcv.Segment, tuple, "drop", "RST");
            listener.Dispose();
            Lab.ShouldBeGone(lab.Pair.Right);
        }
        TcpLab.Nstat(lab.Pair.Left, "TcpOutRsts").ShouldBe(2);
        lab.Run.Sum(Segments, lab.Pair.Right, lab.Told("ack")).ShouldBe(lab.Tells ? 2 : 4);
        lab.Run.Sum(Segments, lab.Pair.Right).ShouldBe(4);
    });

    [RequiresBpfFact("ss", "nstat")]
    public void Connections_that_end_in_order_yield_nothing() => ByEveryWay(static lab =>
    {
        foreach (var ends in TcpLab.All)
            lab.TimeWait(ends, TcpLab.Listen(lab.Pair.Right, ends));
        // A busy machine may send a segment again for nothing.
        var again = TcpLab.Nstat(lab.Pair.Left, "TcpRetransSegs");
        Unexpected(lab.Run, lab.Pair.Right).ShouldBeLessThanOrEqualTo(again);
    });

    [RequiresBpfFact("ss", "nft")]
    public void An_acknowledgement_that_the_end_has_overtaken_is_orderly() => ByEveryWay(static lab =>
    {
        var each = 0;
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            each++;
            using var listener = TcpLab.Listen(lab.Pair.Right, ends);
            var tuple = lab.TimeWait(ends, listener);
            // What the answer meets would be a reset.
            TcpLab.Drop(lab.Pair.Left, "meta l4proto tcp drop");
            // Of the end that the client has sent; what it began with and one for the SYN is before that.
            Acknowledge(0x40000001);
            BpfProbeRun.Eventually(() => Outcomes(lab).ShouldBe(
                each == 1 ? [("orderly", 1)] : [("orderly", each), ("other", each - 1)]));
            // Far from there.
            Acknowledge(0x10000000);
            BpfProbeRun.Eventually(() => Outcomes(lab).ShouldBe([("orderly", each), ("other", each)]));
            lab.Run.Sum("netlens.tcptwrcv.refused", lab.Pair.Right).ShouldBe(0);
            BpfProbeRun.Eventually(() => lab.Run.Events.All.Count(e => e.Tuple == tuple).ShouldBe(1));
            TcpLab.Pass(lab.Pair.Left);

            void Acknowledge(uint sequence) => ResetInjector.SendAck(
                lab.Pair.Left, tuple.Destination, ClientPort, tuple.Source, tuple.SourcePort, sequence);
        }
    });

    private static (string, long)[] Outcomes(Lab lab) =>
        [.. lab.Run.SumBy(Segments, lab.Pair.Right, "netlens.timewait.outcome").Select(o => (o.Key, o.Value)).Order()];

    /// <summary>Segments that are not those with which connections end in order.</summary>
    internal static long Unexpected(BpfProbeRun run, TestNetns ns) =>
        run.SumBy(Segments, ns, "netlens.timewait.outcome").Where(o => o.Key != "orderly").Sum(o => o.Value);

    /// <summary>The probe, attached by one way, a client (left), and a server that ends first.</summary>
    private sealed class Lab(string way) : IDisposable
    {
        public BpfProbeRun Run { get; } = new("tcptwrcv", (host, settings) => new TcpTwRcv(
            host, settings, w => w.Programs.Any(p => p.Contains(way, StringComparison.Ordinal))));

        public TestNetnsPair Pair { get; } = new();

        // Functions tell every action, packets that are freed only resets.
        public bool Tells => way is not "_btf";
        public TagValue Told(string action) => Tells || action is "reset" ? action : "";

        /// <summary>The server closed: it has no application any more, and waits for the client's end.</summary>
        public (Socket Client, FlowTuple Tuple) HalfClosed(Ends ends)
        {
            var (client, server) = TcpLab.Connect(Pair, ends);
            var tuple = Tuple(ends, TcpLab.Port(server.LocalEndPoint), TcpLab.Port(client.LocalEndPoint));
            // Closed only when its end is acknowledged: one that is closed before may stay a whole socket for a minute.
            server.Shutdown(SocketShutdown.Send);
            client.Receive(new byte[1]).ShouldBe(0);
            BpfProbeRun.Eventually(() => Sockets(Pair.Right).ShouldContain("FIN-WAIT-2"));
            server.Dispose();
            return (client, tuple);
        }

        /// <summary>Both ended in order, the server first; of the client nothing is left.</summary>
        public FlowTuple TimeWait(Ends ends, Socket listener)
        {
            using var client = Connect(ends, listener, 0x40000000);
            using var server = listener.Accept();
            server.Shutdown(SocketShutdown.Send);
            client.Receive(new byte[1]).ShouldBe(0);
            client.Dispose();
            server.Receive(new byte[1]).ShouldBe(0);
            ShouldBeGone(Pair.Left);
            BpfProbeRun.Eventually(() => Sockets(Pair.Right).ShouldContain("TIME-WAIT"));
            return Tuple(ends, TcpLab.Port(listener.LocalEndPoint), ClientPort);
        }

        /// <summary>Always from the same port, with a first sequence number of the test's choice.</summary>
        public Socket Connect(Ends ends, Socket listener, int sequence)
        {
            const int SOL_TCP = 6, TCP_REPAIR = 19, TCP_REPAIR_QUEUE = 20, TCP_QUEUE_SEQ = 21, TCP_SEND_QUEUE = 2;
            var client = TcpLab.Make(Pair.Left, ends);
            Set(TCP_REPAIR, 1);
            Set(TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
            Set(TCP_QUEUE_SEQ, sequence);
            Set(TCP_REPAIR, 0);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), ClientPort));
            client.Connect(new IPEndPoint(TcpLab.Right(ends), TcpLab.Port(listener.LocalEndPoint)));
            return client;

            void Set(int option, int value) => client.SetRawSocketOption(SOL_TCP, option, BitConverter.GetBytes(value));
        }

        private static FlowTuple Tuple(Ends ends, int server, int client) =>
            new("tcp", TcpLab.Shown(TcpLab.Right(ends)), server, TcpLab.Left(ends), client);

        private static string Sockets(TestNetns ns) => ns.Run("ss", "-H", "-t", "-a", "-n");

        public static void ShouldBeGone(TestNetns ns) => BpfProbeRun.Eventually(() => Sockets(ns).ShouldBe(""));

        public void ShouldSee(EventInfo info, FlowTuple tuple, string action, string flags) => Run.Events.Await(
            e => e.Info == info && e.Tuple == tuple && e.Subject?.Inode == Pair.Right.Inode
                && e.Fields.SequenceEqual([Told(action), flags]) && e.Process is null);

        /// <summary>One with each kind of sockets, and nothing else: two are IPv4 on the wire.</summary>
        public void ShouldBeOneOfEach(string action)
        {
            Run.Sum(Segments, Pair.Right, Told(action), "ipv4").ShouldBe(2);
            Run.Sum(Segments, Pair.Right, Told(action), "ipv6").ShouldBe(1);
            Run.Sum(Segments, Pair.Right).ShouldBe(3);
        }

        public void Dispose()
        {
            Run.Dispose();
            Pair.Dispose();
        }
    }
}
