using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Healthy traffic is no loss: the lists of benign reasons and functions hold on this kernel.</summary>
public sealed class PacketLossQuietTests
{
    [RequiresBpfFact("ping", "nft", "ss")]
    public void Healthy_traffic_yields_nothing()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");

        DropTraffic.Healthy(pair);
        Thread.Sleep(500);

        DropTraffic.Rows(run, pair.Left, pair.Right).ShouldBeEmpty();
        run.Events.All.Where(e => IsOf(e.Subject?.Inode, pair)).Select(e => e.Message).ShouldBeEmpty();
    }

    [RequiresBpfFact]
    public void Totals_are_there_before_the_first_drop()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        var table = run.Collect().Tables.Single(t => t.Info.Id == "packetloss.ip");
        var row = Array.FindIndex(table.Rows.ToArray(), r => r.Subject!.Inode == ns.Inode);
        foreach (var metric in table.Info.Metrics)
            table.Column(metric)[row].ShouldBe(0);
    }

    private static bool IsOf(ulong? inode, TestNetnsPair pair) => inode == pair.Left.Inode || inode == pair.Right.Inode;
}
