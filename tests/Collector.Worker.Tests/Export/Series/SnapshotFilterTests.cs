using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Tests.Export.Series;

/// <summary>What <c>netlens once --netns</c> keeps.</summary>
public sealed class SnapshotFilterTests
{
    private static readonly Metric Usage = Metric.UpDownCounter("test.usage", Units.One, "A figure.");
    private static readonly TableInfo Figures = new("test", RowScope.Namespace, [], [Usage]);
    private static readonly NetNamespace Host = new(4026531840, 1, isHost: true, 0);
    private static readonly NetNamespace Shop = new(77, 2, isHost: false, 0, new SubjectNames("shop"));
    private static readonly NetNamespace Called = new(78, 3, isHost: false, 0, new SubjectNames("host"));

    private static readonly Subject OnHost = new(
        SubjectKind.Pod, Host.Inode, 1, 0, new SubjectNames(PodNamespace: "kube-system", PodName: "proxy"))
    {
        HostNetwork = true,
    };

    [Theory]
    [InlineData("host", "node host proxy called")]
    [InlineData("4026531840", "node host proxy")]
    [InlineData("shop", "shop")]
    [InlineData("77", "shop")]
    [InlineData("default", "")]
    public void The_node_s_namespace_has_the_node_and_the_pods_on_its_network(string name, string rows)
    {
        var names = new Dictionary<Row, string>
        {
            [new Row(Figures, null, 0)] = "node",
            [new Row(Figures, Host, 0)] = "host",
            [new Row(Figures, OnHost, 0)] = "proxy",
            [new Row(Figures, Shop, 0)] = "shop",
            [new Row(Figures, Called, 0)] = "called",
        };
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        foreach (var row in names.Keys)
            builder.Append(row).Set(Usage, 1);
        var kept = SnapshotFilter.Keep(builder.Publish(), [name], Host, TimeProvider.System);
        string.Join(' ', kept.Find(Figures)?.Rows.ToArray().Select(r => names[r]) ?? []).ShouldBe(rows);
    }
}
