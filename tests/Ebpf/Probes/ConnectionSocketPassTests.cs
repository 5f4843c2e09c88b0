using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>How connections fare, by the pass over all namespaces: figures of ss(8), apart by who began them.</summary>
public sealed class ConnectionSocketPassTests : IDisposable
{
    private static readonly IPAddress Left = IPAddress.Parse(TestNetnsPair.LeftIPv4);
    private static readonly IPAddress Right = IPAddress.Parse(TestNetnsPair.RightIPv4);
    private readonly TestNetnsPair _pair = new();
    private readonly SocketLab _left;
    private readonly SocketLab _right;

    public ConnectionSocketPassTests() => (_left, _right) = (new SocketLab(_pair.Left), new SocketLab(_pair.Right));

    [RequiresBpfFact("ss", "nft")]
    public void Round_trips_retransmissions_and_losses_are_those_of_ss_by_who_began()
    {
        var (there, here) = (_right.Listen(IPAddress.IPv6Any, 7001, 16), _left.Listen(IPAddress.Any, 7002, 16));
        var pairs = Enumerable.Range(0, 6).Select(_ => Across(_left, _right, there, Right)).ToList();
        Across(_left, _right, there, IPAddress.Parse(TestNetnsPair.RightIPv6));
        var back = Across(_right, _left, here, Left);
        foreach (var (client, server) in pairs)
            Exchange(client, server);
        Exchange(back.Client, back.Server);
        DropAtRight("tcp dport 7001");
        pairs[0].Client.Send(new byte[4000]);
        pairs[1].Client.Send(new byte[10]);
        using var pass = Run(CollectionSource.Kernel);
        using var calls = BpfProbeRun.ByCalls("tcpsummary", ("include", "all"));
        foreach (var run in new[] { pass, calls })
        {
            BpfProbeRun.Eventually(() => ShouldBeAsSsSays(run));
            run.ShouldBeByPass("sockets");
        }
        using var diag = Run(CollectionSource.Proc);
        ConnectionFigures.Of(null, diag.Collect(), _pair.Left, "client").ShouldBeNull();
    }

    private void ShouldBeAsSsSays(BpfProbeRun run)
    {
        var ss = (Ss(_pair.Left), Ss(_pair.Right));
        var (last, now) = (run.Collect(), run.Collect());
        (Ss(_pair.Left), Ss(_pair.Right)).ShouldBe(ss);
        ConnectionFigures Ours(TestNetns ns, string role) =>
            ConnectionFigures.Of(last, now, ns, role).ShouldNotBeNull();
        foreach (var role in new[] { "client", "server" })
        {
            Ours(_pair.Left, role).ShouldBe(ConnectionFigures.OfSs(ss.Item1, [7002], role));
            Ours(_pair.Right, role).ShouldBe(ConnectionFigures.OfSs(ss.Item2, [7001], role));
        }
        var clients = Ours(_pair.Left, "client");
        (clients.Count, clients.RoundTrips.Sum()).ShouldBe((7, 7));
        clients.Lost.ShouldBeGreaterThan(0);
        clients.Retransmitted.ShouldBeGreaterThan(1);
    }

    [RequiresBpfFact("ss", "nft")]
    public void Connections_that_wait_are_counted_by_age_and_others_are_not()
    {
        var there = _right.Listen(IPAddress.Any, 7001, 16);
        var (closed, stuck, quiet) = (Across(_left, _right, there, Right), Across(_left, _right, there, Right),
            Across(_left, _right, there, Right));
        Exchange(quiet.Client, quiet.Server);
        using var pass = Run(CollectionSource.Kernel);
        ConnectionAges.Of(pass.Collect(), _pair.Left).ShouldBeNull();
        ConnectionAges.Of(pass.Collect(), _pair.Right).ShouldBeNull();
        closed.Client.Shutdown(SocketShutdown.Send);
        BpfProbeRun.Eventually(() => Ss(_pair.Right).ShouldContain("CLOSE-WAIT"));
        DropAtRight("tcp dport 7001");
        var sent = Stopwatch.StartNew();
        stuck.Client.Send(new byte[10]);
        var sending = sent.Elapsed;
        BpfProbeRun.Eventually(() =>
        {
            var snapshot = pass.Collect();
            ConnectionAges.Of(snapshot, _pair.Right).ShouldBe("close_wait 1s 1");
            ConnectionAges.Of(snapshot, _pair.Left).ShouldBe("unacknowledged 1s 1");
        });
        LastAck(_pair.Right).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(1));
        foreach (var second in new[] { 9, 10, 59, 60, 599, 600, 90_000 })
            BpfProbeRun.Eventually(() => ShouldBeOfTheirClass(pass, second, sent, sending));
        _pair.Right.Run("nft", "flush ruleset");
        BpfProbeRun.Eventually(() => ConnectionAges.Of(pass.Collect(), _pair.Left).ShouldBe(""));
        closed.Server.Close();
        BpfProbeRun.Eventually(() => ConnectionAges.Of(pass.Collect(), _pair.Right).ShouldBe(""));
        pass.ShouldBeByPass("sockets");
    }

    [RequiresBpfFact]
    public void A_namespace_without_connections_has_no_row_and_steady_state_allocates_nothing()
    {
        _right.Listen(IPAddress.Any, 7001, 16);
        using var pass = Run(CollectionSource.Kernel);
        var snapshot = pass.Collect();
        foreach (var role in new[] { "client", "server" })
            ConnectionFigures.Of(null, snapshot, _pair.Right, role).ShouldBeNull();
        var here = _left.Listen(IPAddress.Loopback, 7001, 16);
        _left.Pair(here, IPAddress.Loopback).Client.Send(new byte[10]);
        pass.Allocated(50).ShouldBe(0);
        ConnectionFigures.Of(null, pass.Collect(), _pair.Left, "server")!.Count.ShouldBe(1);
        pass.ShouldBeByPass("sockets");
    }

    private void DropAtRight(string what) => _pair.Right.Run("nft",
        "add table inet t; add chain inet t i { type filter hook input priority 0; }; "
        + $"add rule inet t i {what} drop");

    private static (Socket Client, Socket Server) Across(SocketLab from, SocketLab at, Socket listener, IPAddress to)
    {
        var client = from.Connect(to, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return (client, at.Accept(listener));
    }

    private static void Exchange(Socket client, Socket server)
    {
        client.Send(new byte[100]);
        server.Receive(new byte[100]).ShouldBe(100);
        server.Send(new byte[100]);
        client.Receive(new byte[100]).ShouldBe(100);
    }

    // Times since something move on from one look to the next.
    private static string Ss(TestNetns ns) => string.Join(' ', ns.Run("ss", "-H", "-O", "-tin").Split(' ').Where(
        w => !w.StartsWith("last", StringComparison.Ordinal) && !w.StartsWith("busy", StringComparison.Ordinal)));

    /// <summary>
    /// The walk's clock is set forward until the one that waits to be closed is so many seconds old: what both are then
    /// is known from ss(8) and from when it was sent.
    /// </summary>
    private void ShouldBeOfTheirClass(BpfProbeRun pass, int second, Stopwatch sent, TimeSpan sending)
    {
        var walk = pass.Host.Sockets.PassOf(pass.Collect().Tick).ShouldNotBeNull();
        var (closed, waited) = (LastAck(_pair.Right), sent.Elapsed - sending);
        var ahead = TimeSpan.FromSeconds(Math.Max(0, second - (int)closed.TotalSeconds));
        walk.Ahead = (uint)ahead.TotalSeconds;
        var snapshot = pass.Collect();
        walk.Ahead = 0;
        var closing = ClassOf(closed + ahead, LastAck(_pair.Right) + ahead);
        ConnectionAges.Of(snapshot, _pair.Right).ShouldBe($"close_wait {closing} 1");
        var waiting = ClassOf(waited + ahead, sent.Elapsed + ahead);
        ConnectionAges.Of(snapshot, _pair.Left).ShouldBe($"unacknowledged {waiting} 1");
    }

    private static string ClassOf(TimeSpan least, TimeSpan most)
    {
        static string Of(TimeSpan age) => age.TotalSeconds switch
        {
            < 10 => "1s",
            < 60 => "10s",
            < 600 => "1m",
            _ => "10m",
        };
        Of(least).ShouldBe(Of(most), "it became older while we looked");
        return Of(least);
    }

    private static TimeSpan LastAck(TestNetns ns)
    {
        var lines = ns.Run("ss", "-H", "-O", "-tin").Split('\n');
        var line = lines.Single(l => l.StartsWith("CLOSE-WAIT", StringComparison.Ordinal));
        var said = line.Split(' ').Single(w => w.StartsWith("lastack:", StringComparison.Ordinal));
        return TimeSpan.FromMilliseconds(long.Parse(said["lastack:".Length..], CultureInfo.InvariantCulture));
    }

    private static BpfProbeRun Run(CollectionSource source) =>
        BpfProbeRun.By(source, "tcpsummary");

    public void Dispose()
    {
        _left.Dispose();
        _right.Dispose();
        _pair.Dispose();
    }
}
