namespace Collector.Core.Findings;

/// <summary>
/// Knows one kind of fault. Asked on the collection thread for each subject that its triggers point at; it keeps
/// nothing between two calls.
/// </summary>
public abstract class FindingRule(FindingInfo info)
{
    public FindingInfo Info { get; } = info;

    /// <summary>Gives a verdict for each fault of the kind that the window shows; none: the subject is well.</summary>
    public abstract IEnumerable<Verdict> Judge(SubjectWindow window);
}
