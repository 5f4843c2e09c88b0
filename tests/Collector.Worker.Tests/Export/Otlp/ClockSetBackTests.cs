using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Export.Otlp;

/// <summary>A point whose start is after its time is invalid, whatever the node's clock does.</summary>
public sealed class ClockSetBackTests
{
    [Theory]
    [InlineData(OtlpTemporality.Cumulative)]
    [InlineData(OtlpTemporality.Delta)]
    public void No_point_starts_after_its_time(OtlpTemporality temporality)
    {
        var metric = new Metric { Name = "netlens.test", Unit = "1", Kind = InstrumentKind.Counter, Description = "A test." };
        var table = new TableInfo("clock", RowScope.Node, [], [metric]);
        var clock = new Clock { Now = DateTimeOffset.UnixEpoch.AddDays(20_000) };
        var builder = new SnapshotBuilder(new SnapshotStore(), clock);
        var row = new Row(table, null, SnapshotBuilder.UnixNanoseconds(clock.Now));
        var settings = OtlpSettings.Resolve(new OtlpOptions(), static _ => null, []);
        var host = new HostFacts { HostName = "h", Architecture = "amd64", OsType = "linux" };
        var resource = ResourceAttributes.Build(settings, new ResourceOptions(), host, "1", static _ => null);
        var encoder = new SnapshotEncoder(resource, "1", temporality, since: 0);
        Encode(5).Time.ShouldBe(row.StartTime);

        clock.Now = clock.Now.AddHours(-1);
        var (time, request) = Encode(8);
        encoder.Points.ShouldBe(1);
        request.AsSpan().IndexOf(BitConverter.GetBytes(time)).ShouldBeGreaterThan(0);
        request.AsSpan().IndexOf(BitConverter.GetBytes(row.StartTime)).ShouldBe(-1);

        (long Time, byte[] Request) Encode(long value)
        {
            builder.Begin();
            builder.Append(row).Set(metric, value);
            var snapshot = builder.Publish();
            encoder.Begin(snapshot);
            encoder.TryNext().ShouldBeTrue();
            encoder.Accept();
            encoder.End();
            return (snapshot.Time, encoder.Request.ToArray());
        }
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
