namespace Collector.Core.Findings;

/// <summary>
/// Knows one kind of fault. Asked on the collection thread for each subject that its triggers point at; it keeps
/// nothing between two calls.
/// </summary>
/// <param name="info">The kind.</param>
/// <param name="own">Its thresholds; null: the defaults.</param>
public abstract class FindingRule(FindingInfo info, FindingSettings? own = null)
{
    public FindingInfo Info { get; } = info;

    /// <summary>The kind's triggers, by the thresholds of this rule.</summary>
    public IReadOnlyList<FindingTrigger> Triggers { get; } =
        own is null ? info.Triggers : [.. info.Triggers.Select(t => t.By(own))];

    /// <summary>Gives a verdict for each fault of the kind that the window shows; none: the subject is well.</summary>
    public abstract IEnumerable<Verdict> Judge(SubjectWindow window);
}
