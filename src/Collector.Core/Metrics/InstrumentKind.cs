namespace Collector.Core.Metrics;

/// <summary>What a value means over time, in OpenTelemetry's words.</summary>
public enum InstrumentKind
{
    /// <summary>Only grows; restarts from zero with a new start time. OTLP monotonic sum.</summary>
    Counter,

    /// <summary>
    /// A count of things that exist now and that may be added up across rows. OTLP non-monotonic sum.
    /// </summary>
    UpDownCounter,

    /// <summary>A value that must not be added up. OTLP gauge.</summary>
    Gauge,

    /// <summary>Counts per bucket and their sum, monotonic. OTLP explicit-bounds histogram.</summary>
    Histogram,
}
