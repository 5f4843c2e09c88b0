using Collector.Core.Metrics;

namespace Collector.Worker.Http;

/// <summary>Counts of the guards; they outlive the server, which a reload replaces.</summary>
internal sealed class HttpStatistics
{
    private long _missing;
    private long _wrong;
    private long _unknown;
    private long _failedReads;
    private long _failedHandshakes;

    /// <summary>The guards in force; null while nothing listens.</summary>
    public HttpSecurity? Current { get; set; }

    /// <summary>Times that a file became unreadable or no use.</summary>
    public long FailedReads => Interlocked.Read(ref _failedReads);

    /// <summary>Connections that were no TLS, or ended or took too long before they were.</summary>
    public long FailedHandshakes => Interlocked.Read(ref _failedHandshakes);

    /// <summary>Nanoseconds until the certificate is valid no more.</summary>
    public long Expiry()
    {
        Current?.Look();
        // A certificate may be said to be valid for longer than can be counted so.
        return Current?.Certificate is { } certificate
            ? (long)Math.Min(certificate.Left.TotalSeconds, int.MaxValue) * 1_000_000_000
            : Metric.Absent;
    }

    /// <summary>Requests that got a verdict.</summary>
    public long Refused(TokenVerdict verdict) => Interlocked.Read(ref Of(verdict));

    public void CountRefused(TokenVerdict verdict) => Interlocked.Increment(ref Of(verdict));

    public void CountFailedRead() => Interlocked.Increment(ref _failedReads);

    public void CountFailedHandshake() => Interlocked.Increment(ref _failedHandshakes);

    private ref long Of(TokenVerdict verdict)
    {
        switch (verdict)
        {
            case TokenVerdict.Missing:
                return ref _missing;
            case TokenVerdict.Wrong:
                return ref _wrong;
            default:
                return ref _unknown;
        }
    }
}
