using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Subjects;
using FsCheck;
using FsCheck.Fluent;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>Whatever rows hold, the official decoder reads back the same.</summary>
public sealed class EncoderProperties
{
    public sealed record Case(
        InstrumentKind Kind, double Scale, string Fixed, string? Pod, (string Text, long Number, long Value)[] Rows);

    private static readonly Gen<string> Texts =
        ArbMap.Default.GeneratorFor<string>().Select(s => s ?? "");

    /// <summary>Every magnitude: encodings change with the number of bits.</summary>
    private static readonly Gen<long> Numbers =
        from bits in Gen.Choose(0, 63)
        from low in ArbMap.Default.GeneratorFor<int>()
        from sign in Gen.Elements(1L, -1L)
        select Math.Max(sign * ((1L << bits) - 1 + (low & 3)), long.MinValue + 1);

    private static readonly Gen<(string, long, long)> Cells =
        from text in Texts
        from number in Numbers
        from value in Numbers
        select (text, number, value);

    private static readonly Gen<Case> Cases =
        from kind in Gen.Elements(InstrumentKind.Counter, InstrumentKind.UpDownCounter, InstrumentKind.Gauge)
        from scale in Gen.Elements(1.0, 1e-9, 512)
        from @fixed in Texts
        from pod in Gen.OneOf(Texts, Gen.Constant<string?>(null)!)
        from rows in Cells.ArrayOf()
        select new Case(kind, scale, @fixed, pod, [.. rows.Select(r => kind is InstrumentKind.Counter ? Counted(r) : r)]);

    // What is below zero is no count.
    private static (string, long, long) Counted((string Text, long Number, long Value) row) =>
        row with { Value = Math.Abs(row.Value) };

    [Fact]
    public void Points_read_back_equal_in_any_split() =>
        Prop.ForAll(Cases.ToArbitrary(), Gen.Choose(4096, 9000).ToArbitrary(), ReadsBackEqual)
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Histograms_read_back_equal() => Prop.ForAll(
        ArbMap.Default.GeneratorFor<PositiveInt[]>().ToArbitrary(), Texts.ToArbitrary(), HistogramReadsBackEqual)
        .QuickCheckThrowOnFailure();

    private static void ReadsBackEqual(Case data, int maxBytes)
    {
        var metric = new Metric
        {
            Name = "m", Unit = Units.One, Kind = data.Kind, Description = data.Fixed, Scale = data.Scale,
            Tags = [new("fixed", data.Fixed)],
        };
        // The number of the row keeps the series apart whatever the texts are.
        var table = new TableInfo("t", RowScope.Namespace, [new("text"), new("number"), new("i")], [metric]);
        var ns = Namespace(77, new SubjectNames(PodName: data.Pod));
        var snapshot = new Collection().Collect(s =>
        {
            for (var i = 0; i < data.Rows.Length; i++)
                s.Append(Row(table, ns, data.Rows[i].Text, data.Rows[i].Number, i)).Set(metric, data.Rows[i].Value);
        });

        var metrics = Encoder(maxBytes: maxBytes).Encode(snapshot).Metrics().ToList();

        var points = metrics.SelectMany(m => m.Numbers()).ToList();
        points.Count.ShouldBe(data.Rows.Length);
        metrics.ShouldAllBe(m => m.Description == Utf8(data.Fixed));
        for (var i = 0; i < points.Count; i++)
        {
            var (text, number, value) = data.Rows[i];
            var attributes = points[i].Attributes;
            attributes.Text("text").ShouldBe(Known(text));
            attributes.Text("fixed").ShouldBe(Utf8(data.Fixed));
            attributes.Text("k8s.pod.name").ShouldBe(Known(data.Pod));
            attributes.Single(a => a.Key == "number").Value.IntValue.ShouldBe(number);
            if (data.Scale == 1)
                points[i].AsInt.ShouldBe(value);
            else
                points[i].AsDouble.ShouldBe(data.Scale < 1 ? value / Math.Round(1 / data.Scale) : value * data.Scale);
        }
    }

    private static void HistogramReadsBackEqual(PositiveInt[] counts, string text)
    {
        double[] bounds = [.. counts.Select((_, i) => i * 0.5)];
        var metric = Histogram("h", bounds);
        long[] buckets = [.. counts.Select(c => (long)c.Get), 7];
        var snapshot = new Collection().Collect(s =>
            s.Append(Row(Table(metric), Namespace(1), text)).Set(metric, buckets, 123_456_789));

        var point = Encoder().Encode(snapshot).Metric("h").Histogram.DataPoints.ShouldHaveSingleItem();

        point.BucketCounts.Select(c => (long)c).ShouldBe(buckets);
        point.ExplicitBounds.ShouldBe(bounds);
        ((long)point.Count).ShouldBe(buckets.Sum());
        point.Sum.ShouldBe(0.123456789);
        point.Attributes.Text("row").ShouldBe(Known(text));
    }

    /// <summary>What tells nothing is left out.</summary>
    private static string? Known(string? text) => string.IsNullOrEmpty(text) ? null : Utf8(text);

    /// <summary>What UTF-8 can carry of a text: half a surrogate pair becomes a replacement character.</summary>
    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
