namespace Collector.Core.Metrics;

/// <summary>What a table's rows belong to.</summary>
public enum RowScope
{
    /// <summary>The machine: the same value whichever namespace asks (softnet, slab).</summary>
    Node,

    /// <summary>A network namespace.</summary>
    Namespace,
}

/// <summary>
/// The shape of a probe's output: which attributes tell its rows apart and which metrics are its columns.
/// </summary>
public sealed class TableInfo
{
    private readonly Lazy<TableInfo> _whole;

    public TableInfo(string id, RowScope scope, IReadOnlyList<TagKey> rowTags, IReadOnlyList<Metric> metrics)
    {
        Id = id;
        Scope = scope;
        RowTags = rowTags;
        Metrics = metrics;
        _whole = new(MakeWhole);
        foreach (var metric in metrics)
        {
            if (metric.Column >= 0)
                throw new ArgumentException($"{metric} is already a column of {metric.Table.Id}", nameof(metrics));
            metric.Table = this;
            metric.Column = Width;
            Width += metric.Width;
        }
    }

    /// <summary>Probe id, or <c>probe.part</c> where a probe has several tables.</summary>
    public string Id { get; }

    public RowScope Scope { get; }

    /// <summary>Attributes that tell apart the rows of one namespace, in the order a row stores their values.</summary>
    public IReadOnlyList<TagKey> RowTags { get; }

    public IReadOnlyList<Metric> Metrics { get; }

    /// <summary>
    /// The same columns, none of them optional: for the rows of a probe that is to export everything. Columns keep
    /// their numbers, so the metrics of this table serve to write rows of that one.
    /// </summary>
    public TableInfo Whole => _whole.Value;

    /// <summary>Number of columns.</summary>
    public int Width { get; }

    /// <summary>True for Netlens' figures about itself, which leave over OTLP through the OpenTelemetry SDK.</summary>
    public bool SelfTelemetry { get; init; }

    private TableInfo MakeWhole() => Metrics.Any(m => m.Optional)
        ? new(Id, Scope, RowTags, [.. Metrics.Select(m => m.Wanted())]) { SelfTelemetry = SelfTelemetry }
        : this;

    public override string ToString() => Id;
}
