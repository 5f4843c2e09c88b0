using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>One column of a table as a source of points, with what all its points share already encoded.</summary>
internal sealed class MetricColumn(Metric metric)
{
    public Metric Metric { get; } = metric;

    public EncodedAttributes Tags { get; } =
        EncodedAttributes.Encode(metric.Tags is Tag[] tags ? tags : [.. metric.Tags]);

    /// <summary>The explicit_bounds field of a histogram's points, tag and length included.</summary>
    public byte[] Bounds { get; } = EncodeBounds(metric.Bounds ?? []);

    private static byte[] EncodeBounds(IReadOnlyList<double> bounds)
    {
        if (bounds.Count == 0)
            return [];
        var values = new double[bounds.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = bounds[i];
        var buffer = new ProtoBuffer();
        buffer.Bytes(OtlpFields.HistogramBounds, MemoryMarshal.AsBytes<double>(values));
        return buffer.Written.ToArray();
    }
}

/// <summary>One Metric message: every column of any table with its name.</summary>
internal sealed class MetricGroup
{
    private readonly List<MetricColumn> _columns = [];

    public MetricGroup(Metric first, OtlpTemporality preference)
    {
        Kind = first.Kind;
        IsDelta = UsesDelta(first.Kind, preference);
        var buffer = new ProtoBuffer();
        buffer.Text(OtlpFields.MetricName, first.Name);
        buffer.Text(OtlpFields.MetricDescription, first.Description);
        buffer.Text(OtlpFields.MetricUnit, first.Unit);
        Header = buffer.Written.ToArray();
        buffer.Clear();
        if (Kind != InstrumentKind.Gauge)
            buffer.Integer(
                OtlpFields.Temporality, IsDelta ? OtlpFields.TemporalityDelta : OtlpFields.TemporalityCumulative);
        if (Kind == InstrumentKind.Counter)
            buffer.Integer(OtlpFields.SumIsMonotonic, 1);
        DataHeader = buffer.Written.ToArray();
    }

    public InstrumentKind Kind { get; }

    public bool IsDelta { get; }

    /// <summary>Name, description and unit.</summary>
    public byte[] Header { get; }

    /// <summary>Fields of the Sum or Histogram that stand before its points.</summary>
    public byte[] DataHeader { get; }

    public int DataField => Kind switch
    {
        InstrumentKind.Gauge => OtlpFields.MetricGauge,
        InstrumentKind.Histogram => OtlpFields.MetricHistogram,
        _ => OtlpFields.MetricSum,
    };

    /// <summary>Bytes that the message takes before its first point, tags and reserved lengths included.</summary>
    public int OpeningSize => 2 * (1 + ProtoBuffer.ReservedLength) + Header.Length + DataHeader.Length;

    public IReadOnlyList<MetricColumn> Columns => _columns;

    public void Add(Metric metric) => _columns.Add(new MetricColumn(metric));

    /// <summary>
    /// The preferences of specification/metrics/sdk_exporters/otlp.md. Our counters are read, not incremented, which
    /// makes them asynchronous: "lowmemory" leaves those cumulative, and no preference makes up-down counters delta.
    /// </summary>
    public static bool UsesDelta(InstrumentKind kind, OtlpTemporality preference) => kind switch
    {
        InstrumentKind.Counter => preference == OtlpTemporality.Delta,
        InstrumentKind.Histogram => preference is OtlpTemporality.Delta or OtlpTemporality.LowMemory,
        _ => false,
    };
}

/// <summary>
/// The order in which tables leave as Metric messages. Made once per set of tables; tables are declared once per
/// program, so that the plan only ever grows when a probe starts that was off.
/// </summary>
internal sealed class MetricPlan
{
    private readonly HashSet<TableInfo> _tables = [];
    private readonly List<MetricGroup> _groups = [];
    private readonly Dictionary<(string, string, InstrumentKind), MetricGroup> _byName = [];
    private readonly OtlpTemporality _preference;

    public MetricPlan(OtlpTemporality preference) => _preference = preference;

    public IReadOnlyList<MetricGroup> Groups => _groups;

    /// <summary>Adds the tables that the plan has not seen. Allocates only for those.</summary>
    public void Include(Snapshot snapshot)
    {
        var tables = snapshot.Tables;
        for (var i = 0; i < tables.Count; i++)
        {
            if (_tables.Add(tables[i].Info))
                Include(tables[i].Info);
        }
    }

    private void Include(TableInfo table)
    {
        if (table.SelfTelemetry)
            return;
        foreach (var metric in table.Metrics)
        {
            if (!metric.Named)
                continue;
            var key = (metric.Name, metric.Unit, metric.Kind);
            if (!_byName.TryGetValue(key, out var group))
            {
                group = new MetricGroup(metric, _preference);
                _byName.Add(key, group);
                _groups.Add(group);
            }
            group.Add(metric);
        }
    }
}
