namespace Collector.Worker.Export.Otlp;

/// <summary>Why an export did not arrive. The lower-case name is the <c>reason</c> of the self-metric.</summary>
public enum OtlpFailure
{
    /// <summary>No connection, or it broke.</summary>
    Unreachable,

    /// <summary>No answer within the export's time, retries included.</summary>
    Timeout,

    /// <summary>The server asked for more patience than the export's time allows.</summary>
    Throttled,

    /// <summary>The server could not take it and said that a later attempt might succeed.</summary>
    Unavailable,

    /// <summary>The server will not take it, now or later.</summary>
    Refused,

    /// <summary>The answer was not OTLP: most often the URL is of something else.</summary>
    BadResponse,

    /// <summary>The agent stops and did not wait longer.</summary>
    Shutdown,
}

/// <summary>What became of one request.</summary>
/// <param name="Failure">Null: the server has it.</param>
/// <param name="Detail">The status or error, and what the server said with it.</param>
/// <param name="Rejected">Points that the server dropped from a request it accepted (partial success).</param>
internal readonly record struct OtlpResult(OtlpFailure? Failure, string Detail = "", long Rejected = 0)
{
    public bool Accepted => Failure is null;

    /// <summary>Another attempt may succeed.</summary>
    public bool Retryable { get; init; }

    /// <summary>The request is larger than the server takes; its halves may not be.</summary>
    public bool TooLarge { get; init; }

    /// <summary>How long the server wants to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static OtlpResult Retry(OtlpFailure failure, string detail, TimeSpan? after = null) =>
        new(failure, detail) { Retryable = true, RetryAfter = after };
}
