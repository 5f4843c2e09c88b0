using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>A row with a histogram per metric of its table, added up from kernel map entries.</summary>
internal sealed class HistogramRow(Row row, long now)
{
    private readonly NanosecondHistogram[] _sums = new NanosecondHistogram[row.Table.Metrics.Count];
    private long _before;

    /// <summary>The moment of the last collection in which something had been measured.</summary>
    public long ChangedAt { get; private set; } = now;

    public void Begin() => _sums.AsSpan().Clear();

    /// <param name="metric">Of the table, from 0.</param>
    /// <param name="counted">What an entry has.</param>
    public void Add(int metric, in NanosecondHistogram counted) => _sums[metric].Add(counted);

    public void Write(SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(row);
        var sum = 0L;
        for (var i = 0; i < _sums.Length; i++)
        {
            _sums[i].Write(writer, row.Table.Metrics[i]);
            sum += _sums[i].Sum;
        }
        if (sum != _before)
            ChangedAt = snapshot.Moment;
        _before = sum;
    }
}

/// <summary>
/// Rows of histograms: one per namespace and something in it, begun when something was measured. Nothing is allocated
/// for a known one.
/// </summary>
/// <param name="table">The table: one row tag, and only histograms.</param>
/// <param name="name">The value of its row tag.</param>
internal sealed class HistogramRows<TTag>(TableInfo table, Func<TTag, TagValue> name) where TTag : notnull
{
    private readonly Dictionary<(Subject Namespace, TTag Tag), HistogramRow> _rows = [];

    /// <summary>Sets every histogram to zero before the map's entries are added up.</summary>
    public void Begin()
    {
        foreach (var row in _rows.Values)
            row.Begin();
    }

    /// <summary>The row of something.</summary>
    /// <param name="ns">Its namespace.</param>
    /// <param name="tag">What it is.</param>
    /// <param name="since">Unix nanoseconds since which a new one counts.</param>
    /// <param name="now">The moment of the collection.</param>
    public HistogramRow Of(Subject ns, TTag tag, long since, long now)
    {
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(_rows, (ns, tag), out _);
        return row ??= new(new Row(table, ns, Math.Max(since, ns.StartTime), name(tag)), now);
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var row in _rows.Values)
            row.Write(snapshot);
    }

    /// <summary>Forgets one row.</summary>
    public void Drop(Subject ns, TTag tag) => _rows.Remove((ns, tag));

    /// <summary>Forgets a namespace that is gone.</summary>
    public void Drop(Subject ns)
    {
        foreach (var key in _rows.Keys)
        {
            if (ReferenceEquals(key.Namespace, ns))
                _rows.Remove(key);
        }
    }
}
