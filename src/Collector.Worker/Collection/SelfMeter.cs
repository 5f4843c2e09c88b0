using System.Diagnostics.Metrics;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Collection;

/// <summary>
/// Gives the self tables of the newest snapshot to the OpenTelemetry SDK as observable instruments of one meter, so
/// that a figure is declared once and is the same in both outlets.
/// </summary>
internal sealed class SelfMeter : IDisposable
{
    private readonly SnapshotStore _store;
    private readonly Meter _meter;

    public SelfMeter(string name, string version, SnapshotStore store, IEnumerable<TableInfo> tables)
    {
        _store = store;
        _meter = new Meter(name, version);
        foreach (var metrics in tables.SelectMany(t => t.Metrics).GroupBy(m => m.Name))
            Create([.. metrics]);
    }

    private void Create(Metric[] metrics)
    {
        var first = metrics[0];
        IEnumerable<Measurement<double>> Doubles() => Observe(metrics, static (m, raw) => Metric.Scaled(raw, m.Scale));
        IEnumerable<Measurement<long>> Longs() => Observe(metrics, static (_, raw) => raw);
        var whole = first.Scale is 1;
        switch (first.Kind)
        {
            case InstrumentKind.Counter when whole:
                _meter.CreateObservableCounter(first.Name, Longs, first.Unit, first.Description);
                break;
            case InstrumentKind.Counter:
                _meter.CreateObservableCounter(first.Name, Doubles, first.Unit, first.Description);
                break;
            case InstrumentKind.UpDownCounter when whole:
                _meter.CreateObservableUpDownCounter(first.Name, Longs, first.Unit, first.Description);
                break;
            case InstrumentKind.UpDownCounter:
                _meter.CreateObservableUpDownCounter(first.Name, Doubles, first.Unit, first.Description);
                break;
            default:
                _meter.CreateObservableGauge(first.Name, Doubles, first.Unit, first.Description);
                break;
        }
    }

    private List<Measurement<T>> Observe<T>(Metric[] metrics, Func<Metric, long, T> value) where T : struct
    {
        var measurements = new List<Measurement<T>>();
        using var lease = _store.Acquire();
        foreach (var metric in metrics)
        {
            if (lease.Snapshot?.Find(metric.Table) is not { } table)
                continue;
            var column = table.Column(metric);
            for (var r = 0; r < column.Length; r++)
            {
                if (column[r] != Metric.Absent)
                    measurements.Add(new Measurement<T>(value(metric, column[r]), Tags(table.Rows[r], metric)));
            }
        }
        return measurements;
    }

    private static IEnumerable<KeyValuePair<string, object?>> Tags(Row row, Metric metric)
    {
        for (var i = 0; i < row.Tags.Count; i++)
            yield return new(row.Table.RowTags[i].Key, row.Tags[i].Text);
        foreach (var tag in metric.Tags)
            yield return new(tag.Key, tag.Value.Text);
    }

    public void Dispose() => _meter.Dispose();
}
