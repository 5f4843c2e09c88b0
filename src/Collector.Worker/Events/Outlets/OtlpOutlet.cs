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
    private volatile bool _tooLarge;
    private int _most = OutletQueue.LargestBatch;
    private bool _halving;
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
        var options = new OtlpExporterOptions();
        TelemetryExtensions.Apply(
            settings, _end, options, a => _tooLarge = a.StatusCode == HttpStatusCode.RequestEntityTooLarge);
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

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        if (batch.IsEmpty)
            return 0;
        if (batch.Length > _most)
            return Parts(batch, _most, stop);
        using var stopping = stop.Register(_end.Begin); // Ends the request under way as well.
        for (var attempt = 0; ; attempt++)
        {
            if (Send(batch))
            {
                Recovered();
                return batch.Length;
            }
            if (_tooLarge && batch.Length > 1)
                return Halves(batch, stop);
            if (!_failing)
                EventLog.CannotSend(_log, What, _settings.ToString());
            _failing = true;
            if (_tooLarge || attempt == _retries.Count || stop.WaitHandle.WaitOne(_retries[attempt]))
                return 0;
        }
    }

    public void Dispose()
    {
        _end.Dispose(); // First: the SDK would wait for a request under way.
        End();
    }

    /// <summary>A limit on a request's size loses nothing as long as single events are within it.</summary>
    private int Halves(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        var outermost = !_halving;
        _halving = true;
        var delivered = Parts(batch, _most = batch.Length / 2, stop);
        _halving = !outermost;
        // One event alone at the end says nothing of the size of the others.
        if (outermost && delivered > 0 && _most > 1)
            EventLog.SendsFewer(_log, batch.Length, _most);
        else if (outermost)
            _most = OutletQueue.LargestBatch;
        return delivered;
    }

    private int Parts(ReadOnlySpan<NetworkEvent> batch, int most, CancellationToken stop)
    {
        var first = Write(batch[..most], stop);
        // To a server that finds even one event too large the others need not be offered.
        return first == 0 && _tooLarge ? 0 : first + Write(batch[most..], stop);
    }

    private bool Send(ReadOnlySpan<NetworkEvent> batch)
    {
        // Only an answer says so, and there may be none this time.
        _tooLarge = false;
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
        if (_failing)
            EventLog.SendsAgain(_log, What);
        _failing = false;
    }
}
