namespace Collector.Worker.Recorder;

/// <summary>How events are written to a reader.</summary>
public enum EventFormat
{
    /// <summary>A JSON object per line.</summary>
    Ndjson,

    /// <summary>Server-sent events.</summary>
    Sse,
}

/// <summary>What a reader asks for.</summary>
public sealed record EventQuery
{
    public EventFilter Filter { get; init; } = EventFilter.Everything;

    /// <summary>Number of the event that it has already, 0 for none; null: only what is new.</summary>
    public ulong? After { get; init; }

    /// <summary>Ends after so many events.</summary>
    public long Limit { get; init; } = long.MaxValue;

    /// <summary>False: ends with the newest event instead of waiting for others.</summary>
    public bool Follow { get; init; } = true;

    /// <summary>Null: the reader does not say.</summary>
    public EventFormat? Format { get; init; }
}
