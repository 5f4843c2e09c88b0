using System.Net.NetworkInformation;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Portable;

/// <summary>One of the base library's statistics objects and the columns that it fills.</summary>
internal abstract class StatisticsMap
{
    /// <summary>The metrics that are filled.</summary>
    public abstract IEnumerable<Metric> Metrics { get; }

    /// <summary>Gets the statistics and sets the cells.</summary>
    public abstract void Write(RowWriter row, SnapshotBuilder snapshot);
}

/// <param name="table">The table of the Linux probe.</param>
/// <param name="get">Gets the statistics; unused where they are handed in.</param>
internal sealed class StatisticsMap<T>(TableInfo table, Func<T>? get = null) : StatisticsMap
{
    private readonly List<(Metric Metric, Func<T, long> Read)> _fields = [];

    public override IEnumerable<Metric> Metrics => _fields.Select(f => f.Metric);

    /// <summary>Adds a field: the metric of this name and these tag values.</summary>
    /// <exception cref="ArgumentException">The Linux probe has no such metric.</exception>
    public StatisticsMap<T> Add(Func<T, long> read, string name, params string[] tags)
    {
        var metric = table.Metrics.FirstOrDefault(m =>
            m.Name == name && m.Tags.Select(t => t.Value.Text).Order().SequenceEqual(tags.Order()));
        _fields.Add((metric ?? throw new ArgumentException(
            $"table {table.Id} has no {name} [{string.Join(' ', tags)}]", nameof(name)), read));
        return this;
    }

    public override void Write(RowWriter row, SnapshotBuilder snapshot)
    {
        T statistics;
        try
        {
            statistics = get!();
        }
        catch (PlatformNotSupportedException)
        {
            _fields.Clear();
            return;
        }
        catch (NetworkInformationException)
        {
            // Also where the machine has no IPv6.
            snapshot.ReadFailed("system");
            return;
        }
        Write(row, statistics, snapshot);
    }

    /// <summary>
    /// Sets the cells. A property that this system does not have stays absent and is not asked again; one that fails
    /// now stays absent this time.
    /// </summary>
    public void Write(RowWriter row, T statistics, SnapshotBuilder snapshot)
    {
        for (var i = _fields.Count - 1; i >= 0; i--)
        {
            try
            {
                row.Set(_fields[i].Metric, _fields[i].Read(statistics));
            }
            catch (PlatformNotSupportedException)
            {
                _fields.RemoveAt(i);
            }
            catch (NetworkInformationException)
            {
                snapshot.ReadFailed("system");
            }
        }
    }
}
