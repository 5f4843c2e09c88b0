using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// What looks at growth (<c>increase()</c>) sees no fault in a series that begins with it: every probe of faults has a
/// sum per namespace that is there, and 0, before.
/// </summary>
public sealed class FirstFaultTests
{
    private const int Faults = 7;

    [RequiresBpfFact("nstat")]
    public void Seven_resets_at_once_are_a_growth_of_seven()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpreset");
        var before = Only(run, "netlens.tcpreset.total", pair.Left);
        using var listener = TcpLab.Listen(pair.Right, Ends.V4);
        for (var i = 0; i < Faults; i++)
        {
            using var client = TcpLab.Make(pair.Left, Ends.V4);
            client.Connect(new System.Net.IPEndPoint(TcpLab.Right(Ends.V4), TcpLab.Port(listener.LocalEndPoint)));
            client.LingerState = new LingerOption(enable: true, 0);
        }
        TcpLab.Nstat(pair.Left, "TcpOutRsts").ShouldBe(Faults);
        (Only(run, "netlens.tcpreset.total", pair.Left) - before).ShouldBe(Faults);
    }

    [RequiresBpfTheory]
    [InlineData("packetloss", "netlens.packetloss.lost")]
    [InlineData("tcpreset", "netlens.tcpreset.total")]
    [InlineData("tcpretrans", "netlens.tcpretrans.total")]
    [InlineData("tcptwrcv", "netlens.tcptwrcv.refused")]
    [InlineData("connect", "netlens.connect.failed")]
    [InlineData("receive", "netlens.receive.over_10ms")]
    [InlineData("tcpext", "netlens.tcpext.listen_drops")]
    public void A_sum_is_there_from_the_first_collection_and_goes_with_its_namespace(string probe, string sum)
    {
        using var run = new BpfProbeRun(probe);
        ulong inode;
        using (var ns = new TestNetns())
        {
            inode = ns.Inode;
            Only(run, sum, ns).ShouldBe(0);
        }
        BpfProbeRun.Eventually(() => Values(run, sum, inode).ShouldBeEmpty());
    }

    private static long Only(BpfProbeRun run, string metric, TestNetns ns) => Values(run, metric, ns.Inode).Single();

    private static long[] Values(BpfProbeRun run, string metric, ulong inode)
    {
        var snapshot = run.Collect();
        var m = run.Probe.Info.Metrics.Single(m => m.Name == metric);
        if (snapshot.Find(m.Table) is not { } table)
            return [];
        return [.. Enumerable.Range(0, table.Count).Where(r => table.Rows[r].Subject?.Inode == inode)
            .Select(r => table.Column(m)[r])];
    }
}
