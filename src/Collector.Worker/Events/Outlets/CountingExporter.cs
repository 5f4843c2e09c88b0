using OpenTelemetry;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// Counts what the exporter says was taken. What a server refuses in a partial success, the SDK tells nobody.
/// </summary>
internal sealed class CountingExporter<T>(BaseExporter<T> exporter) : BaseExporter<T> where T : class
{
    private readonly AutoResetEvent _exported = new(false);
    private long _accepted;
    private long _finished;

    /// <summary>Records or spans that the server took.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Those of which it is known whether the server took them.</summary>
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

    public override ExportResult Export(in Batch<T> batch)
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
/// Makes the exporter behind <see cref="CountingExporter{T}"/> known to the provider, from which it asks the resource,
/// and ends it with the provider. Exports nothing.
/// </summary>
internal sealed class ExporterParent<T>(BaseExporter<T> exporter) : BaseExportProcessor<T>(exporter) where T : class
{
    protected override void OnExport(T data)
    {
        // The batch processor does that.
    }
}
