using Collector.Core.Metrics;

namespace Collector.Worker.Recorder;

/// <summary>A table by the number that records call it by.</summary>
/// <param name="Info">Its shape here.</param>
/// <param name="Width">Columns that records have of it.</param>
/// <param name="Columns">Where each of those is here; null: where it was.</param>
internal sealed record RecordedTable(TableInfo Info, int Width, int[]? Columns = null)
{
    public int Place(int column) => Columns is null ? column : Columns[column];
}

/// <summary>
/// Gives tables their numbers, in the order in which they come. There are as many as probes declare. One thread
/// numbers; others read those that records name which they have.
/// </summary>
internal sealed class TableNumbers
{
    private readonly Dictionary<TableInfo, int> _numbers = [];
    private volatile RecordedTable[] _tables = [];

    /// <param name="tables">Those that have their numbers.</param>
    public TableNumbers(IReadOnlyList<RecordedTable>? tables = null)
    {
        foreach (var table in tables ?? [])
            Of(table.Info);
    }

    public IReadOnlyList<RecordedTable> Tables => _tables;

    public int Of(TableInfo info)
    {
        if (_numbers.TryGetValue(info, out var number))
            return number;
        _numbers.Add(info, number = _tables.Length);
        _tables = [.. _tables, new(info, info.Width)];
        return number;
    }
}
