using System.Net;
using System.Net.Sockets;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Sockets of all namespaces in one pass: figures of sock_diag and of ss(8), each in its own row.</summary>
public sealed class SocketPassTests : IDisposable
{
    private readonly List<IDisposable> _made = [];

    /// <summary>Fewer on an emulated machine.</summary>
    private static int Few(int here, int emulated) => LabMachine.Kernel is null ? here : emulated;

    [RequiresBpfFact("ss", "nft")]
    public void Every_state_queue_and_listener_is_that_of_sock_diag_and_of_ss()
    {
        var pair = Keep(new TestNetnsPair());
        var (left, right) = (Keep(new SocketLab(pair.Left)), Keep(new SocketLab(pair.Right)));
        MakeEveryState(left, right);
        using var pass = Run(CollectionSource.Kernel);
        using var calls = BpfProbeRun.ByCalls("tcpsummary", ("include", "all"));
        using var diag = Run(CollectionSource.Proc);
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            BpfProbeRun.Eventually(() =>
            {
                var before = Ss(ns);
                var ours = SocketRows.All(pass.Collect(), ns.Inode);
                ours.ShouldBe(SocketRows.All(diag.Collect(), ns.Inode), ignoreOrder: true);
                ours.ShouldBe(SocketRows.All(calls.Collect(), ns.Inode), ignoreOrder: true);
                Ss(ns).ShouldBe(before);
                ShouldBeAsSsSays(ours, before);
            });
        }
        var all = SocketRows.All(pass.Collect(), pair.Right.Inode);
        foreach (var state in new[] { "established", "syn_received", "close_wait", "time_wait", "listen" })
            all.ShouldContain(l => l.StartsWith(state + ' '));
        SocketRows.Halves(pass.Collect(), pair.Right.Inode)
            .ShouldContain("0.0.0.0 7002 netlens.tcp.listen.half_open 1");
        pass.ShouldBeByPass("sockets");
        calls.ShouldBeByPass("sockets");
        diag.Host.Parts.All.ShouldContain(p => p.Name == "sockets" && !p.FromKernel && p.Reason.Contains("proc"));
    }

    [RequiresBpfFact]
    public void Figures_stay_in_their_rows_while_namespaces_and_connections_are_born_and_die()
    {
        var labs = Enumerable.Range(1, Few(50, 12)).Select(n => Keep(new NumberedSockets(n))).ToList();
        using var run = Run(CollectionSource.Auto);
        BpfProbeRun.Eventually(() => ShouldBeRight(labs, run.Collect()));
        using var churn = new SocketChurn();
        var (passes, born) = (0, Few(40, 5));
        for (; !churn.Faulted && (passes < Few(400, 100) || churn.Namespaces < born); passes++)
            ShouldBeRight(labs, run.Collect());
        churn.Connections.ShouldBeGreaterThan(Few(500, 20));
        run.ShouldBeByPass("sockets", passes);
    }

    [RequiresBpfFact]
    public void Connections_in_a_table_of_the_namespaces_own_are_found()
    {
        // Linux 6.1
        if (!File.Exists("/proc/sys/net/ipv4/tcp_child_ehash_entries"))
            return;
        var parent = Keep(new TestNetns());
        parent.Sysctl("net.ipv4.tcp_child_ehash_entries", "64");
        var labs = new List<NumberedSockets> { Keep(new NumberedSockets(1)) };
        foreach (var number in new[] { 2, 3 })
        {
            var child = parent.Inside(() => new TestNetns());
            labs.Add(Keep(new NumberedSockets(number, child)));
            child.Run("sysctl", "-n", "net.ipv4.tcp_ehash_entries").Trim().ShouldBe("64");
        }
        using var run = Run(CollectionSource.Kernel);
        BpfProbeRun.Eventually(() => ShouldBeRight(labs, run.Collect()));
        run.ShouldBeByPass("sockets");
    }

    [RequiresBpfFact]
    public void A_collection_that_the_pass_cannot_give_whole_is_read_by_sock_diag_and_counted()
    {
        var numbered = Keep(new NumberedSockets(5));
        using var run = Run(CollectionSource.Kernel);
        BpfProbeRun.Eventually(() => ShouldBeRight([numbered], run.Collect()));
        run.ShouldBeByPass("sockets");
        var part = run.PartOf("sockets");
        using (var lab = new SocketLab(new TestNetns()))
        {
            // All in one chain of the kernel's table.
            for (var i = 0; i < 2100; i++)
                lab.Listen(IPAddress.Loopback, 7000, 2, share: true);
            var snapshot = run.Collect();
            (part.Fallbacks, part.LastFallback).ShouldBe((1, "long_chain"));
            ShouldBeRight([numbered], snapshot);
            SocketRows.All(snapshot, lab.Ns.Inode).ShouldContain("listen 2100");
        }
        BpfProbeRun.Eventually(() =>
        {
            var fallbacks = part.Fallbacks;
            ShouldBeRight([numbered], run.Collect());
            part.Fallbacks.ShouldBe(fallbacks);
        });
    }

    [RequiresBpfFact]
    public void Memory_is_read_by_instructions_where_the_kernel_has_them()
    {
        using var run = Run(CollectionSource.Kernel);
        ReadsByCalls(run).ShouldBe(KernelFeature.DirectReading.WhyMissing is not null);
        using var calls = BpfProbeRun.ByCalls("tcpsummary");
        ReadsByCalls(calls).ShouldBeTrue();
    }

    // Which only that variant needs.
    private static bool ReadsByCalls(BpfProbeRun run) =>
        run.Host.Bpf.Loaded.Single(l => l.Probe == "sockets").Object.Maps.Any(m => m.Name == "pieces");

    [RequiresBpfFact]
    public void Steady_state_allocates_nothing()
    {
        for (var number = 1; number <= 5; number++)
            Keep(new NumberedSockets(number));
        using var run = Run(CollectionSource.Kernel);
        run.Allocated(50).ShouldBe(0);
        run.ShouldBeByPass("sockets");
    }

    private static void MakeEveryState(SocketLab left, SocketLab right)
    {
        var (v4, v6) = (IPAddress.Parse(TestNetnsPair.RightIPv4), IPAddress.Parse(TestNetnsPair.RightIPv6));
        var dual = right.Listen(IPAddress.IPv6Any, 7001, 16);
        var (client, server) = Across(left, right, dual, v4);
        client.Send(new byte[300]);
        server.Send(new byte[100]);
        // The peer ends first: CLOSE-WAIT there, FIN-WAIT-2 here.
        Across(left, right, dual, v6).Client.Shutdown(SocketShutdown.Send);
        // The one that closes first is in TIME-WAIT.
        var (last, first) = Across(left, right, dual, v6);
        first.Close();
        last.Receive(new byte[1]).ShouldBe(0);
        last.Close();
        // No answers of 7002 arrive: SYN-RECV there, SYN-SENT here.
        left.Ns.Run("nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }; "
            + "add rule inet t i tcp sport 7002 drop");
        right.Listen(IPAddress.Any, 7002, 16);
        left.BeginConnect(v4, 7002);
        // A full accept queue, two that share an address, and two that share it but for the device.
        right.Listen(v4, 7003, 1);
        for (var i = 0; i < 4; i++)
            left.BeginConnect(v4, 7003);
        right.Listen(IPAddress.Any, 7004, 5, share: true);
        right.Listen(IPAddress.Any, 7004, 6, share: true);
        right.Listen(IPAddress.Any, 7005, 7, "lo", share: true);
        right.Listen(IPAddress.Any, 7005, 8, TestNetnsPair.Interface, share: true);
        right.Listen(IPAddress.Loopback.MapToIPv6(), 7006, 9);
    }

    private static (Socket Client, Socket Server) Across(SocketLab left, SocketLab right, Socket listener, IPAddress to)
    {
        var client = left.Connect(to, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return (client, right.Accept(listener));
    }

    private static string Ss(TestNetns ns) => ns.Run("ss", "-H", "-tan");

    private static void ShouldBeAsSsSays(List<string> rows, string ss)
    {
        var lines = ss.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        foreach (var (theirs, ours) in new[]
        {
            ("ESTAB", "established"), ("SYN-SENT", "syn_sent"), ("SYN-RECV", "syn_received"),
            ("TIME-WAIT", "time_wait"), ("CLOSE-WAIT", "close_wait"), ("FIN-WAIT-2", "fin_wait_2"),
            ("LISTEN", "listen"),
        })
        {
            ShouldSay(rows, ours, lines.Count(l => l[0] == theirs));
        }
        var connections = lines.Where(l => l[0] != "LISTEN").ToList();
        ShouldSay(rows, "receive", connections.Sum(l => long.Parse(l[1])));
        ShouldSay(rows, "transmit", connections.Sum(l => long.Parse(l[2])));
    }

    private static void ShouldSay(List<string> rows, string what, long value)
    {
        var lines = rows.Where(r => r.StartsWith(what + ' ', StringComparison.Ordinal)).ToList();
        lines.ShouldBe(value == 0 ? [] : [$"{what} {value}"]);
    }

    private static void ShouldBeRight(List<NumberedSockets> labs, Snapshot snapshot)
    {
        foreach (var lab in labs)
            SocketRows.Short(snapshot, lab.Inode).ShouldBe(lab.Expected, ignoreOrder: true);
    }

    private static BpfProbeRun Run(CollectionSource source) =>
        BpfProbeRun.By(source, "tcpsummary", ("include", "all"));

    private T Keep<T>(T made) where T : IDisposable
    {
        _made.Add(made);
        return made;
    }

    public void Dispose()
    {
        foreach (var made in _made)
            made.Dispose();
    }
}
