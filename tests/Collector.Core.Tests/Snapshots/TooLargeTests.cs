using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Core.Tests.Snapshots;

/// <summary>Counters of more than 63 bits are left out aloud, whoever read them.</summary>
public sealed class TooLargeTests
{
    [Fact]
    public void They_are_absent_and_reported_as_their_probes()
    {
        var counter = Metric.Counter("a.count", Units.Bytes, "A counter.");
        var level = Metric.UpDownCounter("a.level", Units.Bytes, "A level.");
        var table = new TableInfo("probe.part", RowScope.Node, [], [counter, level]);
        var failures = new List<(string, string)>();
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System)
        {
            OnReadFailed = (probe, reason) => failures.Add((probe, reason)),
        };
        var row = new Row(table, null, 0);
        long[] values = [5, long.MinValue + 1, -1, long.MaxValue];
        long[] expected = [5, Metric.Absent, Metric.Absent, long.MaxValue];
        for (var i = 0; i < values.Length; i++)
        {
            builder.Begin();
            var writer = builder.Append(row);
            writer.Set(counter, values[i]);
            writer.Set(level, -3);
            var snapshot = builder.Publish();
            snapshot.Find(table)!.Column(counter)[0].ShouldBe(expected[i]);
            snapshot.Find(table)!.Column(level)[0].ShouldBe(-3);
            snapshot.Series.ShouldBe(expected[i] == Metric.Absent ? 1 : 2);
        }
        failures.ShouldBe([("probe", "over_63_bits"), ("probe", "over_63_bits")]);
    }
}
