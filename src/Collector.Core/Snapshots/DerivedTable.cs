using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>
/// A table that is made of another one's rows when a snapshot is published. Several snapshots may be built at once, so
/// it keeps nothing but what it hangs on rows.
/// </summary>
public abstract class DerivedTable(TableInfo source, TableInfo table)
{
    public TableInfo Source { get; } = source;

    public TableInfo Table { get; } = table;

    /// <summary>Appends its rows. In steady state it allocates nothing.</summary>
    public abstract void Write(SnapshotTable source, SnapshotBuilder snapshot);
}
