using Collector.Core.Events;
using Collector.Core.Metrics;

namespace Collector.Core.Findings;

/// <summary>What makes a rule look at a subject: nothing is computed for those where nothing moved.</summary>
public sealed record FindingTrigger
{
    private FindingTrigger()
    {
    }

    /// <summary>Null for an event.</summary>
    public Metric? Metric { get; private init; }

    /// <summary>With <see cref="Least"/> as parts of a thousand: what the metric is measured against.</summary>
    public Metric? Limit { get; private init; }

    /// <summary>Least growth in the window; of a level its least value, in stored units.</summary>
    public long Least { get; private init; }

    /// <summary>True where the value itself counts, not its growth.</summary>
    public bool OfLevel { get; private init; }

    public EventInfo? Event { get; private init; }

    /// <summary>A counter that grows by so much within the window.</summary>
    public static FindingTrigger Grows(Metric counter, long least = 1) => new() { Metric = counter, Least = least };

    /// <summary>A level that is so high, in stored units.</summary>
    public static FindingTrigger Reaches(Metric level, long least) =>
        new() { Metric = level, Least = least, OfLevel = true };

    /// <summary>A level that is such a part of its limit.</summary>
    public static FindingTrigger Fills(Metric level, Metric limit, double share) =>
        new() { Metric = level, Limit = limit, Least = (long)(share * 1000), OfLevel = true };

    /// <summary>An event of the kind.</summary>
    public static FindingTrigger Happens(EventInfo info) => new() { Event = info };
}
