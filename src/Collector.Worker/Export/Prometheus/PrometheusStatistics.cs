namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// What the Prometheus outlet did since the start. Written by scrapes, read by the self-metrics table.
/// </summary>
public sealed class PrometheusStatistics
{
    private long _scrapes;
    private long _bytes;
    private long _series;
    private long _duplicates;
    private long _rejected;
    private long _renders;
    private long _unready;
    private long _aborted;

    /// <summary>Pages written and sent whole.</summary>
    public long Scrapes => Volatile.Read(ref _scrapes);

    /// <summary>Bytes of the pages of <see cref="Scrapes"/>, before compression.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Pages rendered: less than sent, for readers share them.</summary>
    public long Renders => Volatile.Read(ref _renders);

    /// <summary>Series of the last page rendered.</summary>
    public long LastSeries => Volatile.Read(ref _series);

    /// <summary>Series dropped because their page had them already.</summary>
    public long Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Scrapes cut off in favour of others, for too many were under way.</summary>
    public long Rejected => Volatile.Read(ref _rejected);

    /// <summary>Scrapes answered with 503 because there was no snapshot yet.</summary>
    public long Unready => Volatile.Read(ref _unready);

    /// <summary>Pages that their reader did not take: it hung up, or was too slow.</summary>
    public long Aborted => Volatile.Read(ref _aborted);

    internal void Rendered(PrometheusPageResult page)
    {
        Interlocked.Increment(ref _renders);
        Volatile.Write(ref _series, page.Series);
        Interlocked.Add(ref _duplicates, page.Duplicates);
    }

    internal void Sent(long bytes)
    {
        Interlocked.Increment(ref _scrapes);
        Interlocked.Add(ref _bytes, bytes);
    }

    internal void CountRejected() => Interlocked.Increment(ref _rejected);

    internal void CountUnready() => Interlocked.Increment(ref _unready);

    internal void CountAborted() => Interlocked.Increment(ref _aborted);
}
