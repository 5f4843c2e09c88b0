using System.Diagnostics;
using System.Runtime.CompilerServices;
using Collector.Core.Events;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Series;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// What took time as OTLP spans: each occurrence a trace of its own, from its begin to its end by the kernel's clock,
/// with its stations as children.
/// </summary>
/// <remarks>
/// Spans are made for this outlet's own source and handed to its batch, whatever the sampler: what gets here was let
/// through by the limiter. So two outlets, an old and a new one at a reload, do not send each other's.
/// </remarks>
internal sealed class SpanEventOutlet : OtlpOutlet<Activity>
{
    /// <summary>What it is called.</summary>
    public const string OutletName = "spans";

    private const string Severity = "netlens.event.severity";
    private const string Message = "netlens.event.message";

    // Whatever becomes of a batch of ours.
    private const int SdkQueue = (1 + NetworkEvent.MostStations) * OutletQueue.LargestBatch;

    private readonly List<KeyValuePair<string, object?>> _attributes = new(24);
    private readonly ActivitySource _source;
    private readonly ActivityListener _listener;
    private readonly TracerProvider _provider;
    private readonly ILogger _log;
    private bool _nameless;

    /// <param name="settings">Where to, for traces.</param>
    /// <param name="resource">Who says it.</param>
    /// <param name="version">Version of the instrumentation scope.</param>
    /// <param name="log">Gets the few lines that there are.</param>
    /// <param name="retries">Waits before sending again; null takes 1, 2 and 4 s.</param>
    public SpanEventOutlet(
        OtlpSignalSettings settings, ResourceAttributes resource, string version, ILogger log,
        IReadOnlyList<TimeSpan>? retries = null)
        : base(settings, log, retries, static options => new OtlpTraceExporter(options),
            static (exporter, timeout) =>
                new BatchActivityExportProcessor(exporter, SdkQueue, Never, timeout, SdkQueue))
    {
        _log = log;
        _source = new ActivitySource(Scope, version);
        _listener = new ActivityListener
        {
            ShouldListenTo = s => ReferenceEquals(s, _source),
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(_listener);
        _provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource.ToResourceBuilder())
            .AddProcessor(Batch)
            .AddProcessor(new ExporterParent<Activity>(Otlp))
            .Build();
    }

    public override string Name => OutletName;

    protected override string What => "spans";

    public override bool Takes(NetworkEvent e) => e.Start is not null;

    protected override int Emit(NetworkEvent e)
    {
        using var span = Begin(e.Info.Name, e.Trace is { } trace ? TraceOnly(trace) : default, e.Start ?? e.Time);
        Identify(span, e.Trace);
        _attributes.Clear();
        EventAttributes.Add(e, _attributes);
        foreach (var (key, value) in _attributes)
            span.SetTag(key, value);
        span.SetTag(Severity, EventJson.Severity(e.Severity));
        span.SetTag(Message, e.Message);
        if (e.Severity == EventSeverity.Error)
            span.SetStatus(ActivityStatusCode.Error, e.Message);
        var number = 0UL;
        foreach (var station in e.Stations)
        {
            using var child = Begin(station.Name, span.Context, station.Start);
            // What is sent again has the ids that it had.
            number++;
            Identify(child, e.Trace is { } root ? root with { Span = root.Span + number } : null);
            End(child, station.End);
        }
        End(span, e.Time);
        return 1 + e.Stations.Count;
    }

    protected override void End()
    {
        _listener.Dispose();
        _source.Dispose();
        _provider.Dispose();
    }

    // A parent without a span: the activity is the root of that trace.
    private static ActivityContext TraceOnly(EventTrace trace) =>
        new(ActivityTraceId.CreateFromString(trace.TraceId), default, ActivityTraceFlags.Recorded);

    // The trace's id leads to it all the same.
    private void Identify(Activity span, EventTrace? trace)
    {
        if (trace is not { } its || _nameless)
            return;
        try
        {
            SetSpanId(span, its.SpanId);
        }
        catch (MissingFieldException e)
        {
            _nameless = true;
            EventLog.SpansNameless(_log, e.Message);
        }
    }

    // Apart: where the field is missing, who compiles what uses it may fail as well.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SetSpanId(Activity span, string id) => SpanIdOf(span) = id;

    // .NET takes a trace's id from whoever has one, but makes that of the span by chance. The log record and the
    // exemplar of the occurrence have to name it.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spanId")]
    private static extern ref string? SpanIdOf(Activity span);

    private Activity Begin(string name, ActivityContext parent, long start)
    {
        // What else runs on this thread is not its parent.
        Activity.Current = null;
        var time = new DateTimeOffset(EventRecord.Utc(start));
        return _source.StartActivity(name, ActivityKind.Internal, parent, startTime: time)!;
    }

    private void End(Activity span, long end)
    {
        span.SetEndTime(EventRecord.Utc(end));
        span.Stop();
        Batch.OnEnd(span);
    }
}
