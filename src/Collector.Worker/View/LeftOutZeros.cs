using Collector.Core.Metrics;

namespace Collector.Worker.View;

/// <summary>
/// Tells zeros that are left out (collection.zeros) from what nobody knows: both are absent cells, but the kernel gives
/// a metric to all or to none.
/// </summary>
/// <param name="names">Of the metrics of which some are left out, as <see cref="NameOf"/> makes them.</param>
internal sealed class LeftOutZeros(IReadOnlySet<string> names)
{
    /// <summary>Where the header of a recording has them.</summary>
    public const string Key = "zeros_left_out";

    private readonly Dictionary<TableInfo, bool[]> _columns = [];

    /// <summary>What tells a metric from all others, in any version.</summary>
    public static string NameOf(Metric metric) =>
        string.Join(' ', [metric.Table.Id, metric.Name, .. metric.Tags.Select(static t => t.Value.Text)]);

    /// <summary>True where an absent cell of a column stands for 0, in a row that is there.</summary>
    public bool Has(TableInfo table, int column)
    {
        if (names.Count == 0)
            return false;
        if (!_columns.TryGetValue(table, out var columns))
            _columns.Add(table, columns = ColumnsOf(table));
        return columns[column];
    }

    private bool[] ColumnsOf(TableInfo table)
    {
        var columns = new bool[table.Width];
        foreach (var metric in table.Metrics)
            columns.AsSpan(metric.Column, metric.Width).Fill(names.Contains(NameOf(metric)));
        return columns;
    }
}
