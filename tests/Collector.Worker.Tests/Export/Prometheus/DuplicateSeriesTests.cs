using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;

namespace Collector.Worker.Tests.Export.Prometheus;

public sealed class DuplicateSeriesTests
{
    private readonly PrometheusSnapshotFixture _node = new();

    private static Metric Gauge(string name, params Tag[] tags) => new()
    {
        Name = name, Unit = "{x}", Kind = InstrumentKind.Gauge, Description = "X.", Tags = tags,
    };

    [Fact]
    public void Two_rows_with_equal_labels_leave_once()
    {
        var metric = Gauge("a");
        var table = new TableInfo("t", RowScope.Namespace, [new("device")], [metric]);
        var (text, result) = Write(b =>
        {
            b.Append(new Row(table, _node.Host, 1, "eth0")).Set(metric, 1);
            b.Append(new Row(table, _node.Host, 1, "eth0")).Set(metric, 2);
            b.Append(new Row(table, _node.Host, 1, "eth1")).Set(metric, 3);
        });
        result.ShouldBe(new(2, 1));
        Samples(text).ShouldBe(
        [
            """a{netlens_scope="node",netlens_netns="4026531840",device="eth0"} 1""",
            """a{netlens_scope="node",netlens_netns="4026531840",device="eth1"} 3""",
        ]);
    }

    [Fact]
    public void The_order_of_labels_does_not_tell_series_apart()
    {
        var one = Gauge("a", new Tag("y", "2"));
        var two = Gauge("a", new Tag("x", "1"));
        var first = new TableInfo("t1", RowScope.Node, [new("x")], [one]);
        var second = new TableInfo("t2", RowScope.Node, [new("y")], [two]);
        var (text, result) = Write(b =>
        {
            b.Append(new Row(first, null, 1, "1")).Set(one, 10);
            b.Append(new Row(second, null, 1, "2")).Set(two, 20);
        });
        result.ShouldBe(new(1, 1));
        Samples(text).ShouldBe(["""a{netlens_scope="node",x="1",y="2"} 10"""]);
    }

    [Fact]
    public void An_empty_label_is_no_label()
    {
        var metric = Gauge("a");
        var other = Gauge("a");
        var tagged = new TableInfo("t1", RowScope.Node, [new("x")], [metric]);
        var plain = new TableInfo("t2", RowScope.Node, [], [other]);
        var (text, result) = Write(b =>
        {
            b.Append(new Row(tagged, null, 1, "")).Set(metric, 1);
            b.Append(new Row(plain, null, 1)).Set(other, 2);
        });
        result.ShouldBe(new(1, 1));
        Samples(text).ShouldBe(["""a{netlens_scope="node"} 1"""]);
    }

    [Fact]
    public void The_second_pod_of_one_name_is_dropped_in_the_naming_that_cannot_tell_them_apart()
    {
        var metric = Metric.Gauge("a", "{x}", "X.").Called(new LegacyName("") { KubeSkoop = ["kubeskoop_a"] });
        var table = new TableInfo("t", RowScope.Namespace, [], [metric]);
        _node.Named.Names = _node.Pod.Names;
        var snapshot = _node.Collect(b =>
        {
            b.Append(new Row(table, _node.Pod, 1)).Set(metric, 1);
            b.Append(new Row(table, _node.Named, 1)).Set(metric, 2);
        });
        PrometheusSnapshotFixture.Write(snapshot, new(MetricNaming.KubeSkoop, default)).Result.ShouldBe(new(1, 1));
        PrometheusSnapshotFixture.Write(snapshot, new(MetricNaming.Otel, default)).Result.ShouldBe(new(2, 0));
    }

    [Fact]
    public void Samples_of_a_name_stay_together_across_tables_and_absent_cells_leave_no_trace()
    {
        var a1 = Gauge("a", new Tag("part", "1"));
        var b1 = Gauge("b");
        var a2 = Gauge("a", new Tag("part", "2"));
        var empty = Gauge("c");
        var first = new TableInfo("t1", RowScope.Node, [], [a1, b1]);
        var second = new TableInfo("t2", RowScope.Node, [], [a2, empty]);
        var (text, _) = Write(b =>
        {
            var row = b.Append(new Row(first, null, 1));
            row.Set(a1, 1);
            row.Set(b1, 2);
            b.Append(new Row(second, null, 1)).Set(a2, 3);
        });
        text.Split('\n').Select(l => l.Split('{')[0]).ShouldBe(
            ["# HELP a X.", "# TYPE a gauge", "a", "a", "# HELP b X.", "# TYPE b gauge", "b", ""]);
    }

    [Fact]
    public void Keys_that_become_one_label_name_are_joined()
    {
        var metric = Gauge("a", new Tag("k.a", "fixed"));
        var table = new TableInfo("t", RowScope.Node, [new("k.a"), new("k_a")], [metric]);
        Samples(Write(b => b.Append(new Row(table, null, 1, "1", "2")).Set(metric, 5)).Text)
            .ShouldBe(["""a{netlens_scope="node",k_a="1;2"} 5"""]);
    }

    [Theory]
    [InlineData(MetricNaming.KubeSkoop, "k8s_node", "k8s_namespace", "k8s_pod", "netns", "container")]
    [InlineData(MetricNaming.Inspector, "node", "namespace", "pod", "netns", "container")]
    public void A_fixed_tag_never_repeats_a_label_of_the_subject(MetricNaming naming, params string[] labels)
    {
        var metric = Gauge("a", [.. labels.Select(l => new Tag(l, "fixed"))]);
        var table = new TableInfo("t", RowScope.Namespace, [], [metric]);
        _node.Pod.Names = _node.Pod.Names with { ContainerId = "c1", ContainerName = "main", IsSecondary = true };
        var page = PrometheusSnapshotFixture.Write(
            _node.Collect(b => b.Append(new Row(table, _node.Pod, 1)).Set(metric, 1)), new(naming, default));
        var sample = Samples(page.Text).Single();
        foreach (var label in labels)
            (sample.Split($"{{{label}=").Length + sample.Split($",{label}=").Length).ShouldBe(3, $"{label}: {sample}");
        sample.ShouldContain("""container="main"}""");
    }

    private (string Text, Collector.Worker.Export.Prometheus.PrometheusPageResult Result) Write(
        Action<SnapshotBuilder> fill) =>
        PrometheusSnapshotFixture.Write(_node.Collect(fill), default);

    private static IEnumerable<string> Samples(string text) =>
        text.Split('\n').Where(l => l.Length > 0 && l[0] != '#');
}
