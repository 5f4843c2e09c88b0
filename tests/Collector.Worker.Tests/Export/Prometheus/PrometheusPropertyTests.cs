using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>Whatever names and values a node has, a scraper reads them back.</summary>
public sealed class PrometheusPropertyTests
{
    /// <summary>Texts that hurt, and any other.</summary>
    private static readonly Arbitrary<string> Texts = Gen.OneOf(
        Gen.Elements("", "\\", "\"", "\n", "\\n", "\0", "\uD800", "x\uDFFFy", "\U0001F600", "a,b=\"c\"} 1", "# EOF",
            "é", "\r\t", "\u001b[31m", "\u009b2J", "a\u202Eb", "\u2066"),
        ArbMap.Default.GeneratorFor<string>().Where(s => s is not null)).ToArbitrary();

    /// <summary>Line ends that are no control characters, and what turns the direction of text round.</summary>
    private const string Marks =
        "\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";

    [Fact]
    public void Any_text_in_a_label_is_read_back()
    {
        Prop.ForAll(Texts, Texts, ArbMap.Default.ArbFor<long>(), (tag, pod, value) =>
        {
            var metric = new Metric
            {
                Name = "a", Unit = "{x}", Kind = InstrumentKind.Gauge, Description = tag + " x",
                Tags = [new("fixed", tag)],
            };
            var table = new TableInfo("t", RowScope.Namespace, [new("row")], [metric]);
            var ns = new NetNamespace(7, 1, false, 1, new(null, "shop", pod));
            var snapshot = new PrometheusSnapshotFixture()
                .Collect(b => b.Append(new Row(table, ns, 1, tag)).Set(metric, value));
            foreach (var kind in Kinds())
            {
                var page = PrometheusSnapshotFixture.Write(snapshot, kind).Text;
                var samples = ExpositionReader.Read(page, kind.Writable().Format is PrometheusFormat.OpenMetrics);
                if (value == Metric.Absent)
                {
                    samples.ShouldBeEmpty();
                    continue;
                }
                var sample = samples.ShouldHaveSingleItem();
                sample.Value.ShouldBe(value);
                sample.Labels.GetValueOrDefault("row", "").ShouldBe(AsUtf8(tag));
                sample.Labels["fixed"].ShouldBe(AsUtf8(tag));
                var label = kind.Naming switch
                {
                    MetricNaming.KubeSkoop => "k8s_pod",
                    MetricNaming.Inspector => "pod",
                    _ => "k8s_pod_name",
                };
                sample.Labels.GetValueOrDefault(label, "").ShouldBe(AsUtf8(pod));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_names_in_descriptors_make_a_page_that_can_be_read()
    {
        Prop.ForAll(Texts, Texts, Texts, (name, key, unit) =>
        {
            var metric = new Metric
            {
                Name = "a" + name, Unit = unit, Kind = InstrumentKind.Counter, Description = name,
                Tags = [new(key, "1"), new(name, "2")],
            };
            var table = new TableInfo("t", RowScope.Node, [new(key), new(unit)], [metric]);
            var snapshot = new PrometheusSnapshotFixture().Collect(b =>
                b.Append(new Row(table, null, 1_000_000_000, "3", "4")).Set(metric, 1));
            foreach (var kind in Kinds())
            {
                var page = PrometheusSnapshotFixture.Write(snapshot, kind).Text;
                ExpositionReader.Read(page, kind.Writable().Format is PrometheusFormat.OpenMetrics)
                    .Count(s => s.Name.EndsWith("_total", StringComparison.Ordinal)).ShouldBe(1);
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_histogram_is_cumulative_and_agrees_with_its_count()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<PositiveInt[]>(), ArbMap.Default.ArbFor<PositiveInt>(), (counts, sum) =>
        {
            var bounds = Enumerable.Range(0, counts.Length).Select(i => Math.Pow(2, i) / 1e9).ToArray();
            var metric = new Metric
            {
                Name = "h", Unit = "s", Kind = InstrumentKind.Histogram, Description = "H.", Bounds = bounds,
                Scale = 1e-9,
            };
            var table = new TableInfo("t", RowScope.Node, [], [metric]);
            var cells = counts.Select(c => (long)c.Get).Append(5).ToArray();
            var snapshot = new PrometheusSnapshotFixture().Collect(b =>
                b.Append(new Row(table, null, 1)).Set(metric, cells, sum.Get));
            var samples = ExpositionReader.Read(PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel), false);
            var buckets = samples.Where(s => s.Name == "h_seconds_bucket").ToArray();
            var total = 0L;
            buckets.Select(b => b.Value).ShouldBe(cells.Select(c => (double)(total += c)));
            buckets[..^1].Select(b => double.Parse(b.Labels["le"])).ShouldBe(bounds);
            buckets[^1].Labels["le"].ShouldBe("+Inf");
            samples.Single(s => s.Name == "h_seconds_count").Value.ShouldBe(cells.Sum());
            samples.Single(s => s.Name == "h_seconds_sum").Value.ShouldBe(sum.Get / 1e9);
        }).QuickCheckThrowOnFailure();
    }

    private static IEnumerable<PrometheusPageKind> Kinds() =>
        from naming in Enum.GetValues<MetricNaming>()
        from format in Enum.GetValues<PrometheusFormat>()
        select new PrometheusPageKind(naming, format, Created: true);

    /// <summary>
    /// What is left of a .NET string on its way through UTF-8, with what must not reach a terminal spelled out.
    /// </summary>
    private static string AsUtf8(string text) => string.Concat(
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Select(c =>
            c != '\n' && (char.IsControl(c) || Marks.Contains(c)) ? $"\\u{(int)c:X4}" : c.ToString()));
}
