using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>What a view is made of: of the running agent, or of a file.</summary>
internal sealed record ViewSource
{
    /// <summary>The collections; whoever made the source disposes of it.</summary>
    public required Recording Recording { get; init; }

    public required ViewFacts Facts { get; init; }

    /// <summary>Every probe there is.</summary>
    public required IReadOnlyList<ProbeInfo> Catalogue { get; init; }

    /// <summary>In whatever order.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>Gives events, the oldest first; asked only where some are to be shown.</summary>
    public Func<IReadOnlyList<NumberedEvent>> Events { get; init; } = static () => [];

    /// <summary>
    /// Bits per second of one of the node's own devices, asked only where they are shown; null: not known.
    /// </summary>
    public Func<string, long?> SpeedOf { get; init; } = static _ => null;

    /// <summary>Of the program that shows it.</summary>
    public string Version { get; init; } = "";

    /// <summary>Unix nanoseconds; null: it is the time of the collection, as of a file.</summary>
    public long? Now { get; init; }
}
