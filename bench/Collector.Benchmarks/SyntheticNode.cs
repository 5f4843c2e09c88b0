using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes;

namespace Collector.Benchmarks;

/// <summary>
/// A node of made-up numbers: every table of every Linux probe, filled for a number of pods. Needs no root, and is the
/// same on every machine.
/// </summary>
internal sealed class SyntheticNode
{
    private const int RowsOfTaggedTable = 2;
    private readonly List<Row> _rows = [];
    private readonly Dictionary<TableInfo, int[]> _columns = [];
    private readonly SnapshotBuilder _builder;
    private long _tick;

    public SyntheticNode(int namespaces)
    {
        _builder = new SnapshotBuilder(Store, TimeProvider.System) { Derive = LegacyViews.Of };
        var all = Enumerable.Range(0, namespaces).Select(Namespace).ToArray();
        foreach (var table in AllProbes.List.SelectMany(p => p.Info.Tables))
        {
            if (table.Scope == RowScope.Node)
                AddRows(table, null);
            else
                Array.ForEach(all, ns => AddRows(table, ns));
        }
    }

    public SnapshotStore Store { get; } = new();

    /// <summary>Fills a snapshot with numbers that have grown since the last one, and publishes it.</summary>
    /// <param name="oneIn">One in so many; the others stay.</param>
    public Snapshot Fill(int oneIn = 1)
    {
        _tick++;
        _builder.Begin();
        _builder.Enter("synthetic");
        var cell = 0;
        foreach (var row in _rows)
        {
            var writer = _builder.Append(row);
            foreach (var column in _columns[row.Table])
                writer.Set(column, ((cell++ % oneIn == 0 ? _tick : 1) * 1000) + (column * 37));
        }
        return _builder.Publish();
    }

    private static NetNamespace Namespace(int index) => new(
        4026532000 + (ulong)index, index + 1, index == 0, 1_700_000_000_000_000_000,
        index == 0 ? null : new SubjectNames(
            $"cni-{index:x8}-0000-4000-8000-000000000000", "production", $"web-7d4b9c6f5-{index:d5}",
            $"{index:x8}-1111-4222-8333-444444444444"));

    private void AddRows(TableInfo table, NetNamespace? ns)
    {
        // What only "include: all" exports stays absent, as on a node without configuration.
        _columns[table] =
            [.. table.Metrics.Where(m => !m.Optional).SelectMany(m => Enumerable.Range(m.Column, m.Width))];
        var count = table.RowTags.Count == 0 ? 1 : RowsOfTaggedTable;
        for (var i = 0; i < count; i++)
        {
            TagValue[] tags = [.. table.RowTags.Select(key => new TagValue($"{key.Key}{i}"))];
            _rows.Add(new Row(table, ns, 1_700_000_000_000_000_000, tags));
        }
    }
}
