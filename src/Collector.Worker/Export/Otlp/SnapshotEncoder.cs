using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Writes a snapshot as ExportMetricsServiceRequest messages, one at a time into one buffer, none larger than the
/// greatest size asked for. In steady state it allocates nothing: what a row, a metric and the resource look like is
/// encoded once, and the loop copies it.
/// </summary>
/// <remarks>
/// Not thread-safe. <c>Begin</c>, <c>TryNext</c> until false, <c>End</c>; the lease on the snapshot is held meanwhile.
/// </remarks>
internal sealed partial class SnapshotEncoder
{
    /// <summary>
    /// gRPC servers refuse messages over 4 MiB unless told otherwise (grpc max_receive_message_length), the Collector
    /// and most backends among them.
    /// </summary>
    public const int DefaultMaxRequestBytes = 3 * 1024 * 1024;

    public const int MinMaxRequestBytes = 4096;

    private readonly ProtoBuffer _buffer = new(16 * 1024);
    private SeriesSet _seen;
    private readonly MetricPlan _plan;
    private readonly RequestPrefix _prefix;
    private int _maxBytes;
    private readonly long _since;
    private Snapshot? _snapshot;
    private Cursor _at;
    private Cursor _from;
    private (long Duplicates, long Oversized) _before;
    private int _points;
    private int _metricStart = -1;
    private int _dataStart;

    /// <param name="resource">What every request says of the sender.</param>
    /// <param name="scopeVersion">Version of the instrumentation scope "netlens".</param>
    /// <param name="temporality">Preference; see <see cref="MetricGroup.UsesDelta"/>.</param>
    /// <param name="since">
    /// Unix nanoseconds. Under delta temporality, what a counter had counted before is the baseline and not sent: an
    /// agent that restarts must not send a node's whole past again.
    /// </param>
    /// <param name="maxRequestBytes">Greatest size of a request before compression.</param>
    public SnapshotEncoder(
        ResourceAttributes resource, string scopeVersion, OtlpTemporality temporality, long since,
        int maxRequestBytes = DefaultMaxRequestBytes)
    {
        MaxRequestBytes = maxRequestBytes;
        _plan = new MetricPlan(temporality);
        _prefix = new RequestPrefix(resource, scopeVersion);
        _since = since;
    }

    /// <summary>Series left out because another had the same name and attributes.</summary>
    public long Duplicates { get; private set; }

    /// <summary>Series left out because their attributes alone exceed a request.</summary>
    public long Oversized { get; private set; }

    /// <summary>The request that <see cref="TryNext"/> made; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Request => _buffer.WrittenMemory;

    /// <summary>Greatest size of a request before compression.</summary>
    public int MaxRequestBytes
    {
        get => _maxBytes;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, MinMaxRequestBytes);
            _maxBytes = value;
        }
    }

    /// <summary>Points in <see cref="Request"/>.</summary>
    public int Points => _points;

    public void Begin(Snapshot snapshot)
    {
        _snapshot = snapshot;
        _requests = 0;
        _plan.Include(snapshot);
        _at = default;
        BeginGroup();
    }

    /// <summary>Lets go of the snapshot and its rows.</summary>
    public void End()
    {
        NoteExemplars();
        _snapshot = null;
        _seen.Clear();
    }

    /// <summary>Makes the next request. False when the snapshot holds no further point.</summary>
    public bool TryNext()
    {
        _from = _at;
        _before = (Duplicates, Oversized);
        _points = 0;
        _prefix.WriteTo(_buffer);
        for (; _at.Group < _plan.Groups.Count; NextGroup())
        {
            if (!WriteGroup(_plan.Groups[_at.Group]))
                break;
        }
        CloseMetric();
        _prefix.Close(_buffer);
        _requests += _points > 0 ? 1 : 0;
        return _points > 0;
    }

    private void NextGroup()
    {
        CloseMetric();
        _at = new Cursor(_at.Group + 1, 0, 0);
        BeginGroup();
    }

    private void BeginGroup()
    {
        if (_at.Group >= _plan.Groups.Count)
            return;
        var columns = _plan.Groups[_at.Group].Columns;
        var series = 0;
        for (var i = 0; i < columns.Count; i++)
            series += _snapshot!.Find(columns[i].Metric.Table)?.Count ?? 0;
        _seen.Begin(series);
    }

    /// <summary>Writes points until the group ends (true) or the request is full (false).</summary>
    private bool WriteGroup(MetricGroup group)
    {
        for (; _at.Column < group.Columns.Count; _at = new Cursor(_at.Group, _at.Column + 1, 0))
        {
            var column = group.Columns[_at.Column];
            if (_snapshot!.Find(column.Metric.Table) is not { } table)
                continue;
            var complete = group.Kind == InstrumentKind.Histogram
                ? WriteHistograms(group, column, table)
                : WriteNumbers(group, column, table);
            if (!complete)
                return false;
        }
        return true;
    }

    /// <summary>
    /// Room for one point, its metric opened before it. False when the request is full. An empty span: the point fits
    /// no request, or repeats a series, and was counted.
    /// </summary>
    private bool TryTake(MetricGroup group, EncodedAttributes attributes, int size, out Span<byte> point)
    {
        point = default;
        var framed = 1 + Proto.VarintSize((ulong)size) + size;
        var opening = _metricStart < 0 ? group.OpeningSize : 0;
        if (_buffer.Position + opening + framed > _maxBytes)
        {
            if (_points > 0)
                return false;
            Oversized++;
            return true;
        }
        if (!_seen.Add(attributes.Set, group.Columns[_at.Column].Tags.Set))
        {
            Duplicates++;
            return true;
        }
        if (_metricStart < 0)
            OpenMetric(group);
        _points++;
        var span = _buffer.Take(framed);
        span[0] = (byte)Proto.Tag(OtlpFields.DataPoints, WireType.Length);
        point = span[(1 + Proto.PutVarint(span[1..], (ulong)size))..];
        return true;
    }

    private void OpenMetric(MetricGroup group)
    {
        _metricStart = _buffer.Open(OtlpFields.ScopeMetricsMetrics);
        _buffer.Raw(group.Header);
        _dataStart = _buffer.Open(group.DataField);
        _buffer.Raw(group.DataHeader);
    }

    private void CloseMetric()
    {
        if (_metricStart < 0)
            return;
        _buffer.Close(_dataStart);
        _buffer.Close(_metricStart);
        _metricStart = -1;
    }

    /// <summary>
    /// Start of a cell's counter. A reset noted while the snapshot was being sent is younger than the value and not
    /// its own.
    /// </summary>
    private long StartOf(Row row, int column)
    {
        var start = row.StartTimeOf(column);
        return start >= _snapshot!.Time ? row.StartTime : start;
    }

    /// <summary>Start of a histogram: of whichever of its columns began last.</summary>
    private long StartOf(Row row, Metric metric)
    {
        var start = row.StartTime;
        for (var i = metric.Column; i < metric.Column + metric.Width; i++)
            start = Math.Max(start, StartOf(row, i));
        return start;
    }

    /// <summary>A place in the plan and in the rows of its table.</summary>
    private readonly record struct Cursor(int Group, int Column, int Row)
    {
        public bool Before(Cursor other) =>
            Group != other.Group ? Group < other.Group
            : Column != other.Column ? Column < other.Column
            : Row < other.Row;
    }
}
