using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Core.Metrics;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

/// <summary>Connection tracking of all namespaces in one pass is that of ctnetlink and of conntrack(8).</summary>
public sealed partial class ConntrackPassTests
{
    private const int Namespaces = 5;

    [RequiresBpfFact("conntrack", "nft")]
    public void Each_namespace_has_the_figures_that_ctnetlink_and_conntrack_tell()
    {
        var all = Enumerable.Range(0, Namespaces).Select(_ => Tracking()).ToList();
        using var pass = Run(CollectionSource.Kernel);
        using var diag = Run(CollectionSource.Proc);
        using var stop = new CancellationTokenSource();
        var traffic = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
                Talk(all[i % Namespaces], 3);
        });
        foreach (var ns in all)
            BpfProbeRun.Eventually(() => ShouldBeBetween(Row(diag, ns), Row(pass, ns), Row(diag, ns)));
        stop.Cancel();
        traffic.Wait();

        for (var i = 0; i < Namespaces; i++)
        {
            Talk(all[i], i + 1);
            BpfProbeRun.Eventually(() => ShouldBeAsConntrackSays(all[i], Row(pass, all[i]), Row(diag, all[i])));
        }
        var part = pass.PartOf("conntrack");
        part.FromKernel.ShouldBeTrue(part.Reason);
        part.Fallbacks.ShouldBe(0, part.LastFallback);
        pass.Failures.ShouldBeEmpty();
        all.ForEach(n => n.Dispose());
    }

    private static void ShouldBeBetween(
        Dictionary<string, long> before, Dictionary<string, long> pass, Dictionary<string, long> after)
    {
        pass.Keys.ShouldBe(before.Keys, ignoreOrder: true);
        pass.Count.ShouldBeGreaterThan(5);
        foreach (var (name, value) in pass)
            value.ShouldBeInRange(Math.Min(before[name], after[name]), Math.Max(before[name], after[name]), name);
    }

    private static void ShouldBeAsConntrackSays(
        TestNetns ns, Dictionary<string, long> pass, Dictionary<string, long> diag)
    {
        pass.ShouldBe(diag, ignoreOrder: true);
        pass["netlens.conntrack.entry.count"].ShouldBe(long.Parse(ns.Run("conntrack", "-C").Trim()));
        pass["netlens.conntrack.entry.count"].ShouldBeGreaterThan(0);
        var shown = Pairs().Matches(ns.Run("conntrack", "-S"))
            .GroupBy(m => m.Groups["name"].Value, m => long.Parse(m.Groups["value"].Value))
            .ToDictionary(g => g.Key, g => g.Sum());
        pass["netlens.conntrack.found"].ShouldBe(shown["found"]);
        pass["netlens.conntrack.invalid"].ShouldBe(shown["invalid"]);
        pass["netlens.conntrack.insert_failed"].ShouldBe(shown["insert_failed"]);
    }

    [RequiresBpfFact("nft")]
    public void Without_a_connection_there_is_no_row_and_no_netlink_socket_and_nothing_is_allocated()
    {
        using var quiet = new TestNetns();
        using var ns = Tracking();
        using var run = Run(CollectionSource.Kernel);
        Talk(ns, 2);
        Row(run, ns)["netlens.conntrack.entry.count"].ShouldBe(2);
        Row(run, quiet).ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
        run.PartOf("conntrack").Fallbacks.ShouldBe(0);
        var handle = run.Host.Namespaces.Find(ns.Inode)!;
        var address = handle.NetAddress;
        handle.NetAddress = 0;
        Row(run, ns)["netlens.conntrack.entry.count"].ShouldBe(2);
        handle.NetAddress = address;
    }

    /// <summary>A namespace that follows connections.</summary>
    private static TestNetns Tracking()
    {
        var ns = new TestNetns();
        ns.Run("nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
            + "add rule inet t in ct state invalid drop");
        return ns;
    }

    /// <summary>Connections of UDP, each of one datagram.</summary>
    private static void Talk(TestNetns ns, int connections) => ns.Inside(() =>
    {
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        for (var i = 0; i < connections; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.SendTo(new byte[10], receiver.LocalEndPoint!);
        }
    });

    private static BpfProbeRun Run(CollectionSource source) =>
        BpfProbeRun.By(source, "conntrack", ("include", "all"));

    private static Dictionary<string, long> Row(BpfProbeRun run, TestNetns ns)
    {
        var row = new Dictionary<string, long>();
        if (run.Collect().Tables.SingleOrDefault(t => t.Info.Id == "conntrack") is not { } table)
            return row;
        var at = Array.FindIndex(table.Rows.ToArray(), r => r.Subject!.Inode == ns.Inode);
        foreach (var metric in at < 0 ? [] : table.Info.Metrics)
        {
            if (table.Column(metric)[at] != Metric.Absent)
                row.Add(metric.Name, table.Column(metric)[at]);
        }
        return row;
    }

    // "cpu=0   found=0 invalid=0 insert=0 ..."
    [GeneratedRegex(@"(?<name>\w+)=(?<value>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Pairs();
}
