using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Export.Otlp;

/// <summary>In steady state encoding allocates nothing at all, however many series there are.</summary>
public sealed class SnapshotEncoderAllocationTests
{
    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;
    private readonly TableInfo _table;
    private readonly Row[] _rows;

    public SnapshotEncoderAllocationTests()
    {
        _builder = new SnapshotBuilder(_store, TimeProvider.System);
        Metric[] metrics =
        [
            .. Enumerable.Range(0, 100).Select(i => new Metric
            {
                Name = $"netlens.test.{i / 2}",
                Unit = Units.Packets,
                Kind = i % 4 < 2 ? InstrumentKind.Counter : InstrumentKind.Gauge,
                Description = "A number.",
                Scale = i % 4 == 0 ? 1e-9 : 1,
                Tags = [new("direction", i % 2 == 0 ? "receive" : "transmit")],
            }),
            new Metric
            {
                Name = "netlens.test.latency",
                Unit = Units.Seconds,
                Kind = InstrumentKind.Histogram,
                Description = "A spread.",
                Bounds = [.. Enumerable.Range(0, 20).Select(i => Math.Pow(2, i) * 1e-9)],
                Scale = 1e-9,
            },
        ];
        _table = new TableInfo("t", RowScope.Namespace, [new("network.interface.name")], metrics);
        _rows = [.. Enumerable.Range(0, 200).Select(MakeRow)];
    }

    [Theory]
    [InlineData(OtlpTemporality.Cumulative)]
    [InlineData(OtlpTemporality.Delta)]
    public void Two_hundred_namespaces_are_encoded_without_an_allocation(OtlpTemporality temporality)
    {
        var settings = OtlpSettings.Resolve(new OtlpOptions(), static _ => null, []);
        var host = new HostFacts { HostName = "h", Architecture = "amd64", OsType = "linux" };
        var resource = ResourceAttributes.Build(settings, new ResourceOptions(), host, "1", static _ => null);
        var encoder = new SnapshotEncoder(resource, "1", temporality, since: 0, maxRequestBytes: 512 * 1024);
        for (var warm = 0; warm < 5; warm++)
            Encode(encoder, Collect(warm));

        long allocated = 0, points = 0;
        for (var tick = 0; tick < 10; tick++)
        {
            var snapshot = Collect(tick);
            var before = GC.GetAllocatedBytesForCurrentThread();
            points += Encode(encoder, snapshot);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        points.ShouldBe(10 * 200 * 101);
        allocated.ShouldBe(0);
    }

    private static long Encode(SnapshotEncoder encoder, Snapshot snapshot)
    {
        long points = 0;
        encoder.Begin(snapshot);
        while (encoder.TryNext())
        {
            points += encoder.Points;
            encoder.Accept();
        }
        encoder.End();
        return points;
    }

    private Snapshot Collect(int tick)
    {
        _builder.Begin();
        foreach (var row in _rows)
        {
            var writer = _builder.Append(row);
            for (var column = 0; column < _table.Width; column++)
                writer.Set(column, tick * 1000L + column);
        }
        return _builder.Publish();
    }

    private Row MakeRow(int i)
    {
        var ns = new NetNamespace(
            (ulong)i + 1, i, i == 0, 1, new SubjectNames($"ns{i}", "shop", $"cart-{i}", $"uid-{i}"));
        return new Row(_table, ns, 1, "eth0");
    }
}
