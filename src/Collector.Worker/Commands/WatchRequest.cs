using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>What <c>netlens watch</c>, and the commands that stand for it, are asked for.</summary>
internal sealed record WatchRequest
{
    /// <summary>The configuration file; null for the default.</summary>
    public string? Config { get; init; }

    /// <summary>Agents; none: the one of this machine.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];

    /// <summary>Port of those that are named without one.</summary>
    public int Port { get; init; } = PeerAddress.DefaultPort;

    /// <summary>By own programs even where an agent runs.</summary>
    public bool Own { get; init; }

    /// <summary>A recording instead of an agent; null: none.</summary>
    public string? Replay { get; init; }

    /// <summary>Of a recording what was until then, Unix nanoseconds; null: all of it.</summary>
    public long? At { get; init; }

    public required WatchQuery Query { get; init; }

    public TimeSpan? For { get; init; }

    public long? Count { get; init; }

    public WatchForm Form { get; init; }

    /// <summary>Null: on a terminal.</summary>
    public bool? Colours { get; init; }

    public PeerOptions Peers { get; init; } = new();
}
