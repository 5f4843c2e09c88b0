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
    private readonly Lock _reading = new();
    private readonly SnapshotStore _store;
    private readonly Meter _meter;
    private SnapshotLease? _held;

    public SelfMeter(string name, string version, SnapshotStore store, IEnumerable<TableInfo> tables)
    {
        _store = store;
        _meter = new Meter(name, version);
        foreach (var metrics in tables.SelectMany(t => t.Metrics).GroupBy(m => m.Name))
            Create([.. metrics]);
    }

    /// <summary>
    /// Tells the same until it is disposed: whoever takes the place of another begins where that one ended.
    /// </summary>
    public IDisposable Hold()
    {
        lock (_reading)
            _held ??= _store.Acquire();
        return new Holder(this);
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
        lock (_reading)
        {
            using var lease = _store.Acquire();
            return Observe(metrics, value, (_held ?? lease).Snapshot);
        }
    }

    private static List<Measurement<T>> Observe<T>(Metric[] metrics, Func<Metric, long, T> value, Snapshot? snapshot)
        where T : struct
    {
        var measurements = new List<Measurement<T>>();
        foreach (var metric in metrics)
        {
            if (snapshot?.Find(metric.Table) is not { } table)
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

    private void Release()
    {
        lock (_reading)
        {
            _held?.Dispose();
            _held = null;
        }
    }

    private sealed class Holder(SelfMeter meter) : IDisposable
    {
        public void Dispose() => meter.Release();
    }
}
