using System.Text;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>Everything about a page that does not change from scrape to scrape, as bytes.</summary>
internal sealed class PagePlan
{
    private readonly HashSet<TableInfo> _tables;

    public PagePlan(IReadOnlyList<TableInfo> tables, PrometheusPageKind kind, RowLabelEncoder labels)
    {
        _tables = [.. tables];
        Kind = kind;
        Labels = labels;
        Catalogue = new PrometheusCatalogue(tables, kind.Naming);
        Families = [.. Catalogue.Families.Select(f => new FamilyPlan(f, kind, labels.SubjectLabels))];
    }

    public PrometheusPageKind Kind { get; }

    public RowLabelEncoder Labels { get; }

    public PrometheusCatalogue Catalogue { get; }

    public FamilyPlan[] Families { get; }

    public bool Knows(TableInfo table) => _tables.Contains(table);
}

/// <summary>A family's metadata lines and columns.</summary>
internal sealed class FamilyPlan
{
    public FamilyPlan(PrometheusFamily family, PrometheusPageKind kind, IReadOnlyList<string> subjectLabels)
    {
        Header = Encoding.UTF8.GetBytes(HeaderOf(family, kind.Format));
        Columns = [.. family.Columns.Select(c => new ColumnPlan(family, c, kind, subjectLabels))];
    }

    public byte[] Header { get; }

    public ColumnPlan[] Columns { get; }

    private static string HeaderOf(PrometheusFamily family, PrometheusFormat format)
    {
        var name = format is PrometheusFormat.OpenMetrics ? family.BaseName : family.Name;
        var unit = format is PrometheusFormat.OpenMetrics && family.Unit.Length > 0
            ? $"# UNIT {name} {family.Unit}\n"
            : "";
        return $"# HELP {name} {PrometheusText.Help(family.Help, format)}\n# TYPE {name} {family.Type}\n{unit}";
    }
}

/// <summary>
/// The fixed parts of a column's lines: <c>name{</c>, then the row's labels, then <c>,tag="x"} </c>, then the value.
/// </summary>
internal sealed class ColumnPlan
{
    public ColumnPlan(
        PrometheusFamily family, PrometheusColumn column, PrometheusPageKind kind, IReadOnlyList<string> subjectLabels)
    {
        Metric = column.Metric;
        Legacy = column.Origin is PrometheusNameOrigin.Legacy;
        Scale = Legacy ? Metric.LegacyScale : Metric.Scale;
        Tags = Legacy ? AttributeSet.Empty : FixedTags(subjectLabels);
        var tags = Tags.Bytes.Length == 0 ? "" : "," + Encoding.UTF8.GetString(Tags.Bytes);
        Name = Encoding.UTF8.GetBytes(family.Name + "{");
        End = Encoding.UTF8.GetBytes(tags + "} ");
        if (kind.Created && family.Type != PrometheusCatalogue.Gauge)
            Created = Encoding.UTF8.GetBytes(family.BaseName + "_created{");
        if (Metric.Bounds is { } bounds)
            Histogram = new(family.Name, tags, bounds, Legacy ? Metric.LegacyScale / Metric.Scale : 1);
    }

    public Metric Metric { get; }

    /// <summary>True when the column leaves under a legacy name.</summary>
    public bool Legacy { get; }

    public double Scale { get; }

    public AttributeSet Tags { get; }

    public byte[] Name { get; }

    public byte[] End { get; }

    /// <summary>Begin of the <c>_created</c> line, null where there is none.</summary>
    public byte[]? Created { get; }

    public HistogramPlan? Histogram { get; }

    /// <summary>
    /// The metric's own tags, but for one whose name its rows carry already: a line has each name once.
    /// </summary>
    private AttributeSet FixedTags(IReadOnlyList<string> subjectLabels)
    {
        HashSet<string> taken = [.. subjectLabels, .. Metric.Table.RowTags.Select(t => PrometheusNames.Label(t.Key))];
        return LabelBlock.Create(
        [
            .. Metric.Tags
                .Select(t => KeyValuePair.Create(PrometheusNames.Label(t.Key), t.Value.Text))
                .Where(t => !taken.Contains(t.Key)),
        ]);
    }
}

/// <summary>What a histogram has more: a line per bucket, then count and sum.</summary>
internal sealed class HistogramPlan
{
    public HistogramPlan(string name, string tags, IReadOnlyList<double> bounds, double boundScale)
    {
        Bucket = Encoding.UTF8.GetBytes(name + "_bucket{");
        Count = Encoding.UTF8.GetBytes(name + "_count{");
        Sum = Encoding.UTF8.GetBytes(name + "_sum{");
        BucketEnds = [.. bounds.Select(b => b * boundScale).Append(double.PositiveInfinity).Select(b =>
            Encoding.UTF8.GetBytes($"{tags},le=\"{PrometheusText.Bound(b)}\"}} "))];
    }

    public byte[] Bucket { get; }

    public byte[] Count { get; }

    public byte[] Sum { get; }

    /// <summary>One per bucket, the last for +Inf.</summary>
    public byte[][] BucketEnds { get; }
}
