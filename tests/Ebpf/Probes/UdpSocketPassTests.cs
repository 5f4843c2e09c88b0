using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>UDP sockets of all namespaces in one pass: those of ss(8) and /proc/net/udp, each in its own row.</summary>
public sealed class UdpSocketPassTests : IDisposable
{
    private static readonly IPAddress Here = IPAddress.Loopback;
    private readonly List<IDisposable> _made = [];

    /// <summary>Fewer on an emulated machine.</summary>
    private static int Few(int here, int emulated) => LabMachine.Kernel is null ? here : emulated;

    [RequiresBpfFact("ss")]
    public void Queues_limits_and_drops_are_those_of_ss_and_of_proc_and_quiet_sockets_have_no_row()
    {
        var (busy, other, none) = (Lab(), Lab(), Lab());
        busy.Bind(IPAddress.Any, 5001, room: 2304);
        busy.Send(Here, 5001, 20);
        busy.Bind(IPAddress.IPv6Any, 5002);
        busy.Send(IPAddress.IPv6Loopback, 5002, 3);
        // Two share an address: which of them a datagram meets, its sender's port decides.
        busy.Bind(Here, 5003, room: 2304, share: true);
        busy.Bind(Here, 5003, room: 2304, share: true);
        for (var i = 0; i < 8; i++)
            busy.Send(Here, 5003, 10);
        busy.Bind(IPAddress.Any, 5004);
        other.Bind(Here, 5001, room: 2304);
        other.Send(Here, 5001, 9);
        other.Bind(Here, 0).Connect(Here, 5001);
        using var pass = Run(CollectionSource.Kernel);
        using var diag = Run(CollectionSource.Proc);
        foreach (var lab in new[] { busy, other })
            ShouldBeAsSsSays(lab.Ns, pass, diag);
        var snapshot = pass.Collect();
        UdpLab.Rows(snapshot, busy.Ns).Count.ShouldBe(3);
        UdpLab.Rows(snapshot, other.Ns).Count.ShouldBe(1);
        UdpLab.Totals(snapshot, none.Ns).ShouldBeEmpty();
        pass.ShouldBeByPass("udp_sockets");
        diag.Host.Parts.All.ShouldContain(p => p.Name == "udp_sockets" && !p.FromKernel && p.Reason.Contains("proc"));
    }

    [RequiresBpfFact]
    public void Where_rows_are_few_those_that_dropped_most_have_them_and_nothing_is_lost()
    {
        var lab = Lab();
        for (var port = 5001; port <= 5004; port++)
        {
            lab.Bind(Here, port, room: 2304);
            lab.Send(Here, port, 10 * (port - 5000));
        }
        using var all = Run(CollectionSource.Kernel);
        using var few = Run(CollectionSource.Kernel, ("maxSockets", "2"));
        var whole = UdpLab.Rows(all.Collect(), lab.Ns);
        var some = UdpLab.Rows(few.Collect(), lab.Ns);
        some.Count.ShouldBe(3);
        some.Where(l => !l.StartsWith("other"))
            .ShouldBe(whole.Where(l => l.Contains(" 5003 ") || l.Contains(" 5004 ")), ignoreOrder: true);
        some.Sum(Dropped).ShouldBe(whole.Sum(Dropped));
        few.Failures.ShouldContain("udp_sockets_over_limit");
        few.Host.Limits.UdpSockets.LeftOut.ShouldBe(2);
    }

    [RequiresBpfFact]
    public void Figures_stay_in_their_rows_while_sockets_are_born_and_die_also_in_tables_of_a_namespaces_own()
    {
        var labs = Enumerable.Range(0, Few(20, 6)).Select(_ => Lab()).ToList();
        // Linux 6.2
        if (File.Exists("/proc/sys/net/ipv4/udp_child_hash_entries"))
        {
            var parent = Keep(new TestNetns());
            parent.Sysctl("net.ipv4.udp_child_hash_entries", "128");
            labs.Add(Keep(new UdpLab(parent.Inside(() => new TestNetns()))));
            labs[^1].Ns.Run("sysctl", "-n", "net.ipv4.udp_hash_entries").Trim().ShouldBe("128");
        }
        for (var n = 0; n < labs.Count; n++)
        {
            for (var i = 0; i <= n % 5; i++)
                labs[n].Bind(Here, 5001 + i, room: 2304);
            labs[n].Send(Here, 5001, n + 1);
        }
        using var run = Run(CollectionSource.Kernel);
        var expected = labs.Select(l => UdpLab.Totals(run.Collect(), l.Ns)).ToList();
        for (var n = 0; n < labs.Count; n++)
            expected[n].ShouldStartWith($"{n % 5 + 1} ");
        using var churn = new UdpChurn();
        for (var i = 0; i < Few(400, 60) || churn.Sockets < 100; i++)
        {
            var snapshot = run.Collect();
            labs.Select(l => UdpLab.Totals(snapshot, l.Ns)).ShouldBe(expected);
        }
        run.ShouldBeByPass("udp_sockets", Few(400, 60));
    }

    [RequiresBpfFact]
    public void Steady_state_allocates_nothing()
    {
        var lab = Lab();
        lab.Bind(Here, 5001, room: 2304);
        lab.Send(Here, 5001, 9);
        using var run = Run(CollectionSource.Kernel);
        run.Allocated(50).ShouldBe(0);
        run.ShouldBeByPass("udp_sockets");
    }

    private static void ShouldBeAsSsSays(TestNetns ns, BpfProbeRun pass, BpfProbeRun diag) =>
        BpfProbeRun.Eventually(() => LookAsSsDoes(ns, pass, diag));

    private static void LookAsSsDoes(TestNetns ns, BpfProbeRun pass, BpfProbeRun diag)
    {
        var before = Ss(ns);
        var snapshot = pass.Collect();
        var (rows, totals) = (UdpLab.Rows(snapshot, ns), UdpLab.Totals(snapshot, ns));
        var byDiag = diag.Collect();
        (Ss(ns), UdpLab.Totals(byDiag, ns)).ShouldBe((before, totals));
        rows.ShouldBe(UdpLab.Rows(byDiag, ns), ignoreOrder: true);
        var sockets = before.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Figures).ToList();
        totals.ShouldBe($"{sockets.Count} {sockets.Sum(s => s[0])} {sockets.Sum(s => s[1])} {sockets.Sum(s => s[4])}");
        var byPort = sockets.Where(s => s[0] + s[4] > 0).GroupBy(s => s[2])
            .Select(g => $"{g.Key} {g.Sum(s => s[0])} {g.Sum(s => s[3])} {g.Sum(s => s[4])}");
        rows.Select(r => r[(r.IndexOf(' ') + 1)..]).ShouldBe(byPort, ignoreOrder: true);
        rows.Sum(Dropped).ShouldBe(DroppedByProc(ns));
    }

    // UNCONN 1280 0 0.0.0.0:5001 0.0.0.0:* skmem:(r1280,rb2304,...,d17): receives, sends, port, limit, drops
    private static long[] Figures(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var memory = line[(line.IndexOf("skmem:(", StringComparison.Ordinal) + 7)..].TrimEnd().TrimEnd(')').Split(',');
        long Of(string name) =>
            long.Parse(memory.Single(w => w.StartsWith(name, StringComparison.Ordinal))[name.Length..]);
        var port = words[3][(words[3].LastIndexOf(':') + 1)..];
        return [long.Parse(words[1]), long.Parse(words[2]), long.Parse(port), Of("rb"), Of("d")];
    }

    private static string Ss(TestNetns ns) => ns.Run("ss", "-H", "-O", "-uamn");

    private static long Dropped(string row) =>
        long.Parse(row[(row.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);

    // The last column.
    private static long DroppedByProc(TestNetns ns) => ns.Run("cat", "/proc/net/udp", "/proc/net/udp6").Split('\n')
        .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(w => w.Length > 12 && w[0].EndsWith(':')).Sum(w => long.Parse(w[^1]));

    private static BpfProbeRun Run(CollectionSource source, params (string Key, string Value)[] settings) =>
        BpfProbeRun.By(source, "udpsummary", settings);

    private UdpLab Lab() => Keep(new UdpLab(new TestNetns()));

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

    /// <summary>Sockets at many ports of a namespace, opened and closed as fast as can be.</summary>
    private sealed class UdpChurn : IDisposable
    {
        private readonly TestNetns _ns = new();
        private readonly Thread _thread;
        private volatile bool _stop;
        private int _sockets;

        public UdpChurn()
        {
            _thread = new Thread(() => _ns.Inside(Repeat));
            _thread.Start();
        }

        public int Sockets => Volatile.Read(ref _sockets);

        private void Repeat()
        {
            for (var port = 5001; !_stop; port = port == 5400 ? 5001 : port + 1)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                socket.Bind(new IPEndPoint(Here, port));
                socket.Connect(Here, 9);
                Interlocked.Increment(ref _sockets);
            }
        }

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
            _ns.Dispose();
        }
    }
}
