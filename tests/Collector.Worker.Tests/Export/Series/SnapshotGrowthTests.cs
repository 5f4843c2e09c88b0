using System.Text.Json;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Tests.Support;
using Collector.Worker.Collection;
using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Tests.Export.Series;

/// <summary>What <c>once --for</c> makes of two collections.</summary>
public sealed class SnapshotGrowthTests
{
    private static readonly Metric Counter = Metric.Counter("a.count", Units.Packets, "A counter.");
    private static readonly Metric Gauge = Metric.Gauge("a.gauge", Units.One, "A gauge.");
    private static readonly Metric Level = Metric.UpDownCounter("a.level", Units.Bytes, "A level.");
    private static readonly Metric Spread = Metric.Histogram("a.spread", Units.Seconds, "A distribution.", [1, 2]);
    private static readonly TableInfo Table =
        new("a", RowScope.Node, [new("name")], [Counter, Gauge, Level, Spread]);

    private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);

    [Fact]
    public void Counters_and_histograms_are_what_came_and_the_rest_is_as_it_is()
    {
        var row = new Row(Table, null, 7, "x");
        var first = Collect(s => Fill(s.Append(row), 100, 5, 50, [10, 0, 3], 30));
        var second = Collect(s => Fill(s.Append(row), 130, 4, 45, [10, 2, 4], 37));
        var growth = SnapshotGrowth.Between(first, second, TimeProvider.System).Find(Table)!;
        Read(growth, 0).ShouldBe([30, 4, 45, 0, 2, 1, 7]);
        growth.Rows[0].StartTime.ShouldBe(first.Time);
        growth.Rows[0].Tags[0].Text.ShouldBe("x");
    }

    [Fact]
    public void What_is_new_came_whole_and_what_fell_came_since_unless_it_has_a_past()
    {
        var fell = new Row(Table, null, 7, "fell");
        var first = Collect(s => Fill(s.Append(fell), 100, 5, 50, [10, 0, 3], 30));
        var born = new Row(Table, null, first.Time, "born");
        var moved = new Row(Table, null, 7, "moved");
        var second = Collect(s =>
        {
            Fill(s.Append(moved), 3_000_000, 1, 2, [9, 9, 9], 9);
            Fill(s.Append(born), 12, 1, 2, [1, 1, 1], 5);
            Fill(s.Append(fell), 20, 1, 2, [10, 0, 3], 30);
        });
        var growth = SnapshotGrowth.Between(first, second, TimeProvider.System).Find(Table)!;
        const long None = Metric.Absent;
        Read(growth, 0).ShouldBe([None, 1, 2, None, None, None, None]);
        Read(growth, 1).ShouldBe([12, 1, 2, 1, 1, 1, 5]);
        Read(growth, 2).ShouldBe([20, 1, 2, 0, 0, 0, 0]);
    }

    [RequiresRootFact("nstat", "ping")]
    public void On_the_real_kernel_counters_are_the_differences_that_nstat_shows()
    {
        using var ns = new TestNetns();
        ns.Run("ping", "-c", "7", "-i", "0.01", "127.0.0.1");
        using var collector = Session.Collector(Whole("ip", "icmp", "netdev"), ["ip", "icmp", "netdev"])!;
        using var first = Lease(collector);
        var before = ReadNstat(ns);
        ns.Run("ping", "-c", "30", "-i", "0.01", "127.0.0.1");
        var growth = SnapshotGrowth.Between(first.Snapshot!, collector.CollectOnce(), TimeProvider.System);
        var after = ReadNstat(ns);
        var points = SeriesReader.Read(growth, MetricNaming.KubeSkoop, "")
            .Where(p => p.Row.Subject!.Inode == ns.Inode).ToLookup(p => p.Name, p => p.Raw);
        long Nstat(params string[] names) => names.Sum(n => after[n] - before[n]);
        points["kubeskoop_ip_inreceives"].Sum().ShouldBe(Nstat("IpInReceives"));
        points["netlens.icmp.messages"].Sum()
            .ShouldBe(Nstat("IcmpInMsgs", "IcmpOutMsgs", "Icmp6InMsgs", "Icmp6OutMsgs"));
        Nstat("IcmpInEchos").ShouldBe(30);
        points["netlens.netdev.up"].ShouldBe([1]);
    }

    private static AgentOptions Whole(params string[] probes) => new()
    {
        Probes = AllProbes.List.Where(p => probes.Contains(p.Info.Id)).ToDictionary(
            p => p.Info.Id, p => new ProbeChoice(true, ProbeSettings.Of(p.Info, ("include", "all")))),
    };

    private static SnapshotLease Lease(NodeCollector collector)
    {
        collector.CollectOnce();
        return collector.Store.Acquire();
    }

    private static Dictionary<string, long> ReadNstat(TestNetns ns) =>
        JsonDocument.Parse(ns.Run("nstat", "-a", "-z", "-j")).RootElement.GetProperty("kernel").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetInt64());

    private Snapshot Collect(Action<SnapshotBuilder> append)
    {
        _builder.Begin();
        append(_builder);
        return _builder.Publish();
    }

    private static void Fill(RowWriter writer, long counter, long gauge, long level, long[] buckets, long sum)
    {
        writer.Set(Counter, counter);
        writer.Set(Gauge, gauge);
        writer.Set(Level, level);
        writer.Set(Spread, buckets, sum);
    }

    private static long[] Read(SnapshotTable table, int row) =>
        [.. Enumerable.Range(0, Table.Width).Select(c => table.Column(c)[row])];
}
