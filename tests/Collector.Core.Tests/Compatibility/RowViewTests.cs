using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Core.Tests.Compatibility;

public sealed class RowViewTests
{
    private readonly Metric _first = Metric.Counter("a.packets", "{packet}", "Packets.", [new("family", "ipv4")]);
    private readonly Metric _second = Metric.Counter("a.packets", "{packet}", "Packets.", [new("family", "ipv6")]);
    private readonly TableInfo _source;
    private readonly TableInfo _after = new("after", RowScope.Node, [], [Metric.Gauge("b", "1", "B.")]);
    private readonly RowView _view;
    private readonly SnapshotBuilder _builder;

    public RowViewTests()
    {
        _source = new TableInfo("source", RowScope.Node, [new("device"), new("driver")], [_first, _second]);
        _view = new RowView(new RowViewInfo("source", "view")
        {
            RowTags = ["device"],
            Columns =
            [
                new("sum", "a.packets ipv4", "a.packets ipv6"),
                new("of_x", "a.packets ipv6") { Where = new("driver", "x"), Description = "X.", Unit = "1" },
            ],
        }, _source);
        _builder = new(new SnapshotStore(), TimeProvider.System)
        {
            Derive = table => ReferenceEquals(table, _source) ? [_view] : [],
        };
    }

    [Fact]
    public void It_adds_up_columns_of_the_rows_that_it_takes_and_stands_behind_its_source()
    {
        Row x = new(_source, null, 5, "eth0", "x"), y = new(_source, null, 6, "eth1", "y");
        var snapshot = Collect((x, 1, 10), (y, 2, Metric.Absent), (x, Metric.Absent, 7));

        snapshot.Tables.Select(t => t.Info.Id).ShouldBe(["source", "view", "after"]);
        var table = snapshot.Find(_view.Table)!;
        table.Column(0).ToArray().ShouldBe([11, 2, Metric.Absent]);
        table.Column(1).ToArray().ShouldBe([10, Metric.Absent, 7]);
        table.Rows[1].Tags.Select(t => t.Text).ShouldBe(["eth1"]);
        table.Rows[1].StartTime.ShouldBe(6);
        // Four cells of the source are there, and the gauge; what the view has leaves under old names only.
        snapshot.Series.ShouldBe(4 + 1);
    }

    [Fact]
    public void Its_metrics_are_hidden_and_like_those_they_are_made_of()
    {
        _view.Table.Metrics.ShouldAllBe(m => m.Hidden && m.Kind == InstrumentKind.Counter);
        _view.Table.Metrics.Select(m => (m.Name, m.Unit, m.Description))
            .ShouldBe([("sum", "{packet}", "Packets."), ("of_x", "1", "X.")]);
    }

    [Fact]
    public void A_row_keeps_its_row_and_a_probe_that_broke_off_has_no_view()
    {
        var row = new Row(_source, null, 5, "eth0", "x");
        var first = Collect((row, 1, 1)).Find(_view.Table)!.Rows[0];
        Collect((row, 2, 2)).Find(_view.Table)!.Rows[0].ShouldBeSameAs(first);

        _builder.Begin();
        _builder.Enter("probe");
        _builder.Append(row).Set(_first, 3);
        _builder.Discard();
        _builder.Publish().Find(_view.Table)!.Count.ShouldBe(0);
    }

    [Fact]
    public void It_allocates_nothing_for_rows_that_it_knows()
    {
        var row = new Row(_source, null, 5, "eth0", "x");
        for (var i = 0; i < 5; i++)
            Collect((row, i, i), (row, i, i), (row, i, i));
        _builder.Begin();
        _builder.Enter("probe");
        _builder.Append(row).Set(_first, 9);
        var source = SourceOf(row);
        var before = GC.GetAllocatedBytesForCurrentThread();
        _view.Write(source, _builder);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    private SnapshotTable SourceOf(Row row)
    {
        var table = new SnapshotTable(_source);
        table.Append(row);
        return table;
    }

    private Snapshot Collect(params (Row Row, long First, long Second)[] rows)
    {
        _builder.Begin();
        _builder.Enter("probe");
        foreach (var (row, first, second) in rows)
        {
            var writer = _builder.Append(row);
            writer.Set(_first, first);
            writer.Set(_second, second);
        }
        _builder.Append(new Row(_after, null, 1)).Set(0, 1);
        return _builder.Publish();
    }
}
