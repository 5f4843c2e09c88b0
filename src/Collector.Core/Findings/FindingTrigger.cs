using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;

namespace Collector.Core.Findings;

/// <summary>What makes a rule look at a subject: nothing is computed for those where nothing moved.</summary>
public sealed record FindingTrigger
{
    private Func<FindingSettings, long>? _least;

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

    /// <summary>The row tag, or the event's field, that <see cref="Values"/> are of.</summary>
    public string Tag { get; private init; } = "";

    /// <summary>Only rows, or events, with one of these values point at their subject; empty: all do.</summary>
    public IReadOnlyList<string> Values { get; private init; } = [];

    /// <summary>A counter that grows by so much within the window.</summary>
    public static FindingTrigger Grows(Metric counter, long least = 1) => new() { Metric = counter, Least = least };

    /// <summary>A counter that grows by a threshold.</summary>
    public static FindingTrigger Grows(Metric counter, ProbeOption<long> least) =>
        Grows(counter, least, static value => value);

    /// <summary>A counter that grows by what follows from a threshold.</summary>
    public static FindingTrigger Grows<T>(Metric counter, ProbeOption<T> threshold, Func<T, long> least)
        where T : notnull => Grows(counter, least(threshold.Standard)) with { _least = s => least(s.Get(threshold)) };

    /// <summary>A level that is as high as a threshold, in stored units.</summary>
    public static FindingTrigger Reaches(Metric level, ProbeOption<long> least) =>
        Reaches(level, least.Standard) with { _least = s => s.Get(least) };

    /// <summary>A level that is a threshold's part of its limit.</summary>
    public static FindingTrigger Fills(Metric level, Metric limit, ProbeOption<Share> share) =>
        Fills(level, limit, share.Standard.Of(1)) with { _least = s => (long)s.Get(share).Of(1000) };

    /// <summary>The same of rows with one of these values of a row tag only, or of an event's field.</summary>
    public FindingTrigger Of(string tag, params string[] values) => this with { Tag = tag, Values = values };

    /// <summary>Whether an event is one that it looks at.</summary>
    internal bool Covers(NetworkEvent e) =>
        Values.Count == 0 || (e.Field(Tag)?.Text is { } text && Values.Contains(text));

    /// <summary>Whether a row is one that it looks at.</summary>
    internal bool Covers(Row row)
    {
        if (Values.Count == 0)
            return true;
        var tags = row.Table.RowTags;
        for (var i = 0; i < tags.Count; i++)
        {
            if (tags[i].Key == Tag)
                return Values.Contains(row.Tags[i].Text);
        }
        return false;
    }

    /// <summary>The same by a rule's own thresholds.</summary>
    public FindingTrigger By(FindingSettings own) => _least is null ? this : this with { Least = _least(own) };

    /// <summary>A level that is so high, in stored units.</summary>
    public static FindingTrigger Reaches(Metric level, long least) =>
        new() { Metric = level, Least = least, OfLevel = true };

    /// <summary>A level that is such a part of its limit.</summary>
    public static FindingTrigger Fills(Metric level, Metric limit, double share) =>
        new() { Metric = level, Limit = limit, Least = (long)(share * 1000), OfLevel = true };

    /// <summary>An event of the kind.</summary>
    public static FindingTrigger Happens(EventInfo info) => new() { Event = info };
}
