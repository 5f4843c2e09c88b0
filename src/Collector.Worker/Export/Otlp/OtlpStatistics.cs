namespace Collector.Worker.Export.Otlp;

/// <summary>What the OTLP outlet did since start. Written by the exporter, read by anyone.</summary>
public sealed class OtlpStatistics
{
    /// <summary>Reasons in the order of <see cref="Failures"/>, as label values.</summary>
    public static IReadOnlyList<string> Reasons { get; } =
        ["unreachable", "timeout", "throttled", "unavailable", "refused", "bad_response", "shutdown"];

    private readonly long[] _failures = new long[Reasons.Count];
    private long _pointsExported;
    private long _pointsRejected;
    private long _pointsFailed;
    private long _duplicates;
    private long _oversized;
    private long _requests;
    private long _retries;
    private long _bytesEncoded;
    private long _bytesSent;
    private long _snapshotsExported;
    private long _snapshotsSkipped;
    private long _lastSuccess;
    private long _lastDuration;
    private long _encode;

    /// <summary>Points that a server accepted.</summary>
    public long PointsExported => Volatile.Read(ref _pointsExported);

    /// <summary>Points that a server dropped from requests it accepted.</summary>
    public long PointsRejected => Volatile.Read(ref _pointsRejected);

    /// <summary>Points in requests that failed. Totals and deltas make up for them with the next success.</summary>
    public long PointsFailed => Volatile.Read(ref _pointsFailed);

    /// <summary>Series left out because another had the same name and attributes.</summary>
    public long DuplicatesDropped => Volatile.Read(ref _duplicates);

    /// <summary>Series left out because they fit no request.</summary>
    public long OversizedDropped => Volatile.Read(ref _oversized);

    /// <summary>Requests that a server accepted.</summary>
    public long Requests => Volatile.Read(ref _requests);

    public long Retries => Volatile.Read(ref _retries);

    /// <summary>Bytes before compression.</summary>
    public long BytesEncoded => Volatile.Read(ref _bytesEncoded);

    /// <summary>Bytes after compression, retries included.</summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>Snapshots of which every request was accepted.</summary>
    public long SnapshotsExported => Volatile.Read(ref _snapshotsExported);

    /// <summary>Snapshots not sent: the one before was still under way, or a server asked for patience.</summary>
    public long SnapshotsSkipped => Volatile.Read(ref _snapshotsSkipped);

    /// <summary>When a request was last accepted, Unix nanoseconds; 0 before the first.</summary>
    public long LastSuccess => Volatile.Read(ref _lastSuccess);

    /// <summary>How long the last snapshot took to encode and send, nanoseconds.</summary>
    public long LastDuration => Volatile.Read(ref _lastDuration);

    /// <summary>Processor time of encoding, nanoseconds.</summary>
    public long EncodeNanoseconds => Volatile.Read(ref _encode);

    /// <summary>Requests that failed, by the place of their reason in <see cref="Reasons"/>.</summary>
    public long Failures(int reason) => Volatile.Read(ref _failures[reason]);

    public long Failures(OtlpFailure reason) => Failures((int)reason);

    internal void Accepted(int points, long rejected, int bytes, long now)
    {
        var lost = Math.Min(rejected, points);
        Interlocked.Add(ref _pointsExported, points - lost);
        Interlocked.Add(ref _pointsRejected, lost);
        Interlocked.Add(ref _bytesEncoded, bytes);
        Interlocked.Increment(ref _requests);
        Volatile.Write(ref _lastSuccess, now);
    }

    internal void Failed(OtlpFailure reason, int points, int bytes)
    {
        Interlocked.Increment(ref _failures[(int)reason]);
        Interlocked.Add(ref _pointsFailed, points);
        Interlocked.Add(ref _bytesEncoded, bytes);
    }

    internal void Unsent(int points) => Interlocked.Add(ref _pointsFailed, points);

    internal void Encoded(long nanoseconds) => Interlocked.Add(ref _encode, nanoseconds);

    internal void Skipped(long snapshots) => Interlocked.Add(ref _snapshotsSkipped, snapshots);

    internal void Exported(bool whole, TimeSpan took)
    {
        if (whole)
            Interlocked.Increment(ref _snapshotsExported);
        Volatile.Write(ref _lastDuration, took.Ticks * 100);
    }

    /// <summary>Adds what encoder and client counted during one push.</summary>
    internal void Add(long duplicates, long oversized, long retries, long bytesSent)
    {
        Interlocked.Add(ref _duplicates, duplicates);
        Interlocked.Add(ref _oversized, oversized);
        Interlocked.Add(ref _retries, retries);
        Interlocked.Add(ref _bytesSent, bytesSent);
    }
}
