using Collector.Core.Metrics;

namespace Collector.Core.Events;

/// <summary>How bad an occurrence is, with OpenTelemetry's severity numbers.</summary>
public enum EventSeverity
{
    /// <summary>Normal, worth knowing.</summary>
    Info = 9,

    /// <summary>Traffic was harmed or delayed.</summary>
    Warn = 13,

    /// <summary>Something does not work.</summary>
    Error = 17,
}

/// <summary>
/// A kind of event as its probe declares it; outlets, documentation and the catalogue are made of these.
/// </summary>
public sealed class EventInfo
{
    /// <summary>OpenTelemetry event name: <c>netlens.</c>, the probe's id, and what happened.</summary>
    public required string Name { get; init; }

    /// <summary>The usual one; an event may say another.</summary>
    public required EventSeverity Severity { get; init; }

    /// <summary>One sentence: when it is reported.</summary>
    public required string Description { get; init; }

    /// <summary>Attributes of this kind beside the common ones, in the order in which events store them.</summary>
    public IReadOnlyList<TagKey> Fields { get; init; } = [];

    /// <summary>It takes time: its events say when it began.</summary>
    public bool IsTimed { get; init; }

    public override string ToString() => Name;
}
