using System.Net;
using Collector.Core.Events;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Exporter;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// What leaves through an exporter of the OpenTelemetry SDK. Each batch is flushed before the next, so that the SDK's
/// queue never overflows and its answer tells what became of the batch.
/// </summary>
/// <typeparam name="T">What the SDK makes of an event.</typeparam>
internal abstract class OtlpOutlet<T> : IEventOutlet where T : class
{
    /// <summary>Name of the instrumentation scope, that of the probes' metrics.</summary>
    protected const string Scope = "netlens";

    /// <summary>
    /// Events in a row that are refused one by one for their size, after which the rest of a batch is not offered: it
    /// is a server that takes nothing at all.
    /// </summary>
    private const int MostAlone = 8;

    /// <summary>The SDK sends when it is told to and not before.</summary>
    protected const int Never = int.MaxValue;

    // The longest that a wait can be; a request ends before by its own timeout, at the end by TelemetryEnd.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>Waits before a batch is sent again; a collector that restarts takes that long.</summary>
    private static readonly TimeSpan[] DefaultRetries =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4)];

    private readonly OtlpSignalSettings _settings;
    private readonly IReadOnlyList<TimeSpan> _retries;
    private readonly TelemetryEnd _end = new(TimeSpan.Zero);
    private readonly CountingExporter<T> _exporter;
    private readonly ILogger _log;
    private readonly InParts _parts;
    private volatile bool _tooLarge;
    private volatile int _status;
    private TimeSpan? _retryAfter;
    private int _most = OutletQueue.LargestBatch;
    private int _alone;
    private bool _leftOut;
    private bool _failing;

    /// <param name="settings">Where to.</param>
    /// <param name="log">Gets the few lines that there are.</param>
    /// <param name="retries">Waits before sending again; null takes 1, 2 and 4 s.</param>
    /// <param name="exporter">Makes the SDK's exporter.</param>
    /// <param name="batch">
    /// Makes what collects a batch for it within a time, with room for whatever <see cref="Emit"/> makes of one.
    /// </param>
    protected OtlpOutlet(
        OtlpSignalSettings settings, ILogger log, IReadOnlyList<TimeSpan>? retries,
        Func<OtlpExporterOptions, BaseExporter<T>> exporter,
        Func<BaseExporter<T>, int, BatchExportProcessor<T>> batch)
    {
        _settings = settings;
        _retries = retries ?? DefaultRetries;
        _log = log;
        _parts = new(Try);
        var options = new OtlpExporterOptions();
        TelemetryExtensions.Apply(settings, _end, options, Answered);
        Otlp = exporter(options);
        _exporter = new CountingExporter<T>(Otlp);
        Batch = batch(_exporter, (int)settings.Timeout.TotalMilliseconds);
    }

    public abstract string Name { get; }

    /// <summary>The SDK's exporter.</summary>
    protected BaseExporter<T> Otlp { get; }

    /// <summary>What collects a batch for it.</summary>
    protected BatchExportProcessor<T> Batch { get; }

    /// <summary>What of it leaves.</summary>
    protected abstract string What { get; }

    /// <summary>Hands an event to the batch.</summary>
    /// <returns>How many records or spans it became.</returns>
    protected abstract int Emit(NetworkEvent e);

    /// <summary>Ends the SDK's provider.</summary>
    protected abstract void End();

    public virtual bool Takes(NetworkEvent e) => true;

    public string Target => _settings.ToString();

    /// <summary>One attempt, for who keeps events on disk meanwhile.</summary>
    public SendResult Send(ReadOnlyMemory<NetworkEvent> batch, CancellationToken stop)
    {
        using var stopping = stop.Register(_end.Begin);
        return _parts.Send(batch, stop);
    }

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        using var stopping = stop.Register(_end.Begin); // Ends the request under way as well.
        _alone = 0;
        var most = _most;
        var delivered = Parts(batch, stop);
        if (_most < most)
            EventLog.SendsFewer(_log, Math.Min(batch.Length, most), _most);
        return delivered;
    }

    public void Dispose()
    {
        _end.Dispose(); // First: the SDK would wait for a request under way.
        End();
    }

    private int Parts(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        var delivered = 0;
        while (!batch.IsEmpty && _alone < MostAlone)
        {
            var part = batch[..Math.Min(batch.Length, _most)];
            batch = batch[part.Length..];
            delivered += Part(part, stop);
        }
        return delivered;
    }

    private int Part(ReadOnlySpan<NetworkEvent> part, CancellationToken stop)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (Send(part))
            {
                Recovered();
                return part.Length;
            }
            if (_tooLarge && part.Length > 1)
                return Halves(part, stop);
            if (_tooLarge)
                return LeaveOut();
            if (!_failing)
                EventLog.CannotSend(_log, What, _settings.ToString());
            _failing = true;
            if (attempt == _retries.Count || stop.WaitHandle.WaitOne(_retries[attempt]))
                return 0;
        }
    }

    /// <summary>A limit on a request's size loses nothing as long as single events are within it.</summary>
    private int Halves(ReadOnlySpan<NetworkEvent> part, CancellationToken stop)
    {
        var half = part.Length / 2;
        var delivered = Parts(part[..half], stop) + Parts(part[half..], stop);
        // Where one event was too large by itself, the number of all was not; two large ones say nothing of others.
        if (delivered == part.Length && half > 1 && half < _most)
            _most = half;
        return delivered;
    }

    private int LeaveOut()
    {
        if (!_leftOut)
            EventLog.TooLarge(_log, _settings.ToString());
        _leftOut = true;
        _alone++;
        return 0;
    }

    private void Answered(HttpResponseMessage answer)
    {
        _tooLarge = answer.StatusCode == HttpStatusCode.RequestEntityTooLarge;
        _retryAfter = answer.Headers.RetryAfter?.Delta;
        _status = (int)answer.StatusCode;
    }

    // What the SDK makes of an answer, beyond yes or no, it tells nobody: the status has to do.
    private Answer Try(ReadOnlyMemory<NetworkEvent> part, CancellationToken stop)
    {
        if (Send(part.Span))
            return Answer.Taken;
        return _status switch
        {
            0 => new(Verdict.Later, "no answer"),
            (int)HttpStatusCode.RequestEntityTooLarge => new(Verdict.TooLarge, "HTTP 413: one event is too large"),
            (int)HttpStatusCode.BadRequest => new(Verdict.Refused, "HTTP 400"),
            (int)HttpStatusCode.OK => new(Verdict.Later, "the answer is a failure"),
            var status => new(Verdict.Later, $"HTTP {status}", _retryAfter),
        };
    }

    private bool Send(ReadOnlySpan<NetworkEvent> batch)
    {
        // Only an answer says so, and there may be none this time.
        _tooLarge = false;
        _retryAfter = null;
        _status = 0;
        var accepted = _exporter.Accepted;
        var finished = _exporter.Finished;
        var emitted = 0;
        foreach (var e in batch)
            emitted += Emit(e);
        Batch.ForceFlush();
        return _exporter.WaitFor(finished + emitted, Patience) && _exporter.Accepted - accepted == emitted;
    }

    private void Recovered()
    {
        _alone = 0;
        if (_failing)
            EventLog.SendsAgain(_log, What);
        _failing = false;
    }
}
