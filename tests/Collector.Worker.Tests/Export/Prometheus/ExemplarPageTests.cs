using System.Net;
using System.Text.RegularExpressions;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>Slow occurrences at the end of their buckets' lines, in OpenMetrics only.</summary>
public sealed partial class ExemplarPageTests
{
    private static readonly EventInfo Slow = new()
    {
        Name = "netlens.test.slow", Severity = EventSeverity.Warn, Description = "Slow.", IsTimed = true,
    };

    private readonly PrometheusSnapshotFixture _fixture = new();
    private readonly GoldenTables _tables = new();
    private readonly Row _row;

    public ExemplarPageTests() => _row = new(_tables.Latency, _fixture.Pod, PrometheusSnapshotFixture.Boot);

    [Fact]
    public void A_bucket_with_a_slow_occurrence_names_its_trace_and_its_ends()
    {
        _fixture.Store.Exemplars.Offer(Event(500_000_000, "10.0.0.1", "10.0.0.2"));
        var page = PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel, PrometheusFormat.OpenMetrics);

        Lines(page).ShouldHaveSingleItem().ShouldEndWith(
            "le=\"1.0\"} 6 # {trace_id=\"00000000000000010000000000000002\",span_id=\"0000000000000003\","
            + "source=\"10.0.0.1:4711\",destination=\"10.0.0.2:80\"} 0.5 1767225599.000");
    }

    [Theory]
    [InlineData(PrometheusFormat.Text, MetricNaming.Otel)]
    [InlineData(PrometheusFormat.OpenMetrics, MetricNaming.KubeSkoop)]
    public void The_text_format_has_none(PrometheusFormat format, MetricNaming naming)
    {
        var without = PrometheusSnapshotFixture.Page(Collect(), naming, format);
        _fixture.Store.Exemplars.Offer(Event(500_000_000, "10.0.0.1", "10.0.0.2"));
        PrometheusSnapshotFixture.Page(Collect(), naming, format).ShouldBe(without);
    }

    [Fact]
    public void Without_a_slow_occurrence_there_is_none() =>
        Lines(PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel, PrometheusFormat.OpenMetrics))
            .ShouldBeEmpty();

    /// <summary>What has no room any more is left out: readers refuse the whole page.</summary>
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2", "sh", true, true)]
    [InlineData("2001:db8:1111:2222:3333:4444:5555:6666", "10.0.0.2", "sh", true, false)]
    [InlineData("2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222:3333:4444:5555:7777", "sh", true, false)]
    [InlineData("192.168.100.100", "192.168.100.200", "a\"b\\\n\u001b\u001b\u001b", true, true)]
    public void Labels_stay_below_128_characters(
        string from, string to, string process, bool hasSource, bool hasDestination)
    {
        _fixture.Store.Exemplars.Offer(Event(500_000_000, from, to) with { Process = new(1, 1, process) });
        var page = PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel, PrometheusFormat.OpenMetrics);

        var labels = Labels().Matches(Lines(page).Single().Split(" # {")[1]).ToArray();
        labels.Sum(l => l.Groups["name"].Length + l.Groups["value"].Length).ShouldBeLessThanOrEqualTo(128);
        labels[0].Groups["name"].Value.ShouldBe("trace_id");
        labels.Any(l => l.Groups["name"].Value == "source").ShouldBe(hasSource);
        labels.Any(l => l.Groups["name"].Value == "destination").ShouldBe(hasDestination);
    }

    [Fact]
    public void One_without_a_span_has_the_rest()
    {
        _fixture.Store.Exemplars.Offer(Event(500_000_000, "10.0.0.1", "10.0.0.2") with
        {
            Trace = null,
            Process = new(1, 1, "nginx"),
        });
        var page = PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel, PrometheusFormat.OpenMetrics);
        Lines(page).Single().ShouldContain(
            " # {source=\"10.0.0.1:4711\",destination=\"10.0.0.2:80\",thread_name=\"nginx\"} 0.5 ");
    }

    [Fact]
    public void A_page_with_old_ones_allocates_nothing()
    {
        _fixture.Store.Exemplars.Offer(Event(500_000_000, "10.0.0.1", "10.0.0.2"));
        var snapshot = Collect();
        var writer = new PrometheusWriter(PrometheusSnapshotFixture.Node);
        using var page = new PooledPage();
        for (var i = 0; i < 3; i++)
            Write();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Write();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Write()
        {
            page.Clear();
            writer.Write(snapshot, new(MetricNaming.Otel, PrometheusFormat.OpenMetrics), page);
        }
    }

    [GeneratedRegex("(?<name>[a-z_]+)=\"(?<value>([^\"\\\\]|\\\\.)*)\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Labels();

    private static string[] Lines(string page) => [.. page.Split('\n').Where(l => l.Contains(" # {"))];

    private Snapshot Collect() => _fixture.Collect(b => b.Append(_row).Set(_tables.Duration, [3, 1, 2, 1], 2_500_000_000));

    private NetworkEvent Event(long nanoseconds, string from, string to)
    {
        var time = SnapshotBuilder.UnixNanoseconds(PrometheusSnapshotFixture.Start.AddSeconds(-1));
        return new()
        {
            Info = Slow, Time = time, Start = time - nanoseconds, ObservedTime = time, Message = "",
            Subject = _fixture.Pod, Measured = new(_tables.Duration), Trace = new(1, 2, 3),
            Tuple = new("tcp", IPAddress.Parse(from), 4711, IPAddress.Parse(to), 80),
        };
    }
}
