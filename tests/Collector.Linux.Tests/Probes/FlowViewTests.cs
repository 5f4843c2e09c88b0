using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Flows;

namespace Collector.Linux.Tests.Probes;

/// <summary>KubeSkoop's view of flows: from source to destination, with the labels of both.</summary>
public sealed class FlowViewTests
{
    private readonly SnapshotBuilder _builder =
        new(new SnapshotStore(), TimeProvider.System) { Derive = LegacyViews.Of };

    [Fact]
    public void A_flow_is_two_one_each_way()
    {
        var pod = new NetNamespace(7, 7, isHost: false, 0, new(null, "shop", "cart", "uid"));
        var client = new Row(FlowCounters.Table, pod, 5, "tcp", "client", "10.0.0.9", 80, "shop/stock", "10.0.0.5");
        var server = new Row(FlowCounters.Table, pod, 5, "tcp", "server", "192.0.2.0/24", 8080, "", "10.0.0.5");

        var table = Collect(client, server);
        table.Rows.ToArray().Select(Labels).ShouldBe(
        [
            "TCP 10.0.0.5 pod shop cart 10.0.0.9 pod shop stock 0 80",
            "TCP 10.0.0.9 pod shop stock 10.0.0.5 pod shop cart 80 0",
            "TCP 10.0.0.5 pod shop cart 192.0.2.0/24 unknown   8080 0",
            "TCP 192.0.2.0/24 unknown   10.0.0.5 pod shop cart 0 8080",
        ]);
        // connections, sent, received, segments out and in, ...
        table.Column(0).ToArray().ShouldBe([1, 2, 1, 2]);
        table.Column(1).ToArray().ShouldBe([3, 4, 3, 4]);
        table.Info.Metrics.Select(m => m.KubeSkoop.Single()).ShouldBe(["kubeskoop_flow_bytes", "kubeskoop_flow_packets"]);
        table.Info.RowTags.Select(t => t.LegacyKey).ShouldBe(
            ["protocol", "src", "src_type", "src_namespace", "src_pod", "dst", "dst_type", "dst_namespace", "dst_pod",
                "sport", "dport"]);

        var datagrams = new Row(FlowCounters.Table, pod, 5, "udp", "client", "10.0.0.9", 53, "", "10.0.0.5");
        Labels(Collect(datagrams).Rows[0]).ShouldBe("UDP 10.0.0.5 pod shop cart 10.0.0.9 unknown   0 53");

        // The rows stay as long as the names do.
        var again = Collect(client, server);
        again.Rows[0].ShouldBeSameAs(table.Rows[0]);
        pod.Names = new(null, "shop", "cart-2", "uid");
        Labels(Collect(client, server).Rows[0]).ShouldContain("cart-2");
    }

    private static string Labels(Row row) => string.Join(' ', row.Tags.Select(t => t.Text));

    private SnapshotTable Collect(params Row[] rows)
    {
        _builder.Begin();
        _builder.Enter("flow");
        foreach (var row in rows)
        {
            var writer = _builder.Append(row);
            for (var i = 0; i < FlowEntry.Counters; i++)
                writer.Set(i, i);
        }
        return _builder.Publish().Tables.Single(t => t.Info.Id == "flow.tuple");
    }
}
