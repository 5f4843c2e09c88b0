using System.Collections;
using Collector.Core.Events;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;

namespace Collector.Worker.Events.Outlets;

/// <summary>An event as the state of a log call: the SDK takes a list of pairs as the record's attributes.</summary>
internal sealed class EventRecord : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly List<KeyValuePair<string, object?>> _attributes = new(16);
    private readonly NetworkEvent _event;

    public EventRecord(NetworkEvent e)
    {
        _event = e;
        EventAttributes.Add(e, _attributes);
    }

    public string Message => _event.Message;

    public DateTime Time => Utc(_event.Time);

    public DateTime ObservedTime => Utc(_event.ObservedTime);

    public int Count => _attributes.Count;

    public KeyValuePair<string, object?> this[int index] => _attributes[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => _attributes.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => Message;

    // The SDK keeps times in units of 100 ns.
    private static DateTime Utc(long unixNanoseconds) => DateTime.UnixEpoch.AddTicks(unixNanoseconds / 100);
}

/// <summary>Gives each record the times of its event instead of the time of the call.</summary>
internal sealed class RecordTimes : BaseProcessor<LogRecord>
{
    public override void OnEnd(LogRecord data)
    {
        if (data.Attributes is not EventRecord record)
            return;
        data.Timestamp = record.Time;
        data.ObservedTimestamp = record.ObservedTime;
    }
}

/// <summary>
/// Counts what the exporter says was taken. What a server refuses in a partial success, the SDK tells nobody.
/// </summary>
internal sealed class CountingExporter(OtlpLogExporter exporter) : BaseExporter<LogRecord>
{
    private readonly AutoResetEvent _exported = new(false);
    private long _accepted;
    private long _finished;

    /// <summary>Records that the server took.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Records of which it is known whether the server took them.</summary>
    public long Finished => Interlocked.Read(ref _finished);

    /// <summary>
    /// Waits until so many records are finished. The processor's own flush ends earlier: when the request is written
    /// down, not when it is answered.
    /// </summary>
    /// <returns>False when nothing was exported for as long as <paramref name="patience"/>.</returns>
    public bool WaitFor(long finished, TimeSpan patience)
    {
        while (Finished < finished)
        {
            if (!_exported.WaitOne(patience))
                return false;
        }
        return true;
    }

    public override ExportResult Export(in Batch<LogRecord> batch)
    {
        var count = batch.Count; // The batch is empty afterwards.
        var result = exporter.Export(batch);
        if (result == ExportResult.Success)
            Interlocked.Add(ref _accepted, count);
        Interlocked.Add(ref _finished, count);
        _exported.Set();
        return result;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _exported.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>
/// Makes the exporter behind <see cref="CountingExporter"/> known to the provider, from which it asks the resource, and
/// ends it with the provider. Exports nothing.
/// </summary>
internal sealed class ExporterParent(OtlpLogExporter exporter) : BaseExportProcessor<LogRecord>(exporter)
{
    protected override void OnExport(LogRecord data)
    {
        // The batch processor does that.
    }
}
