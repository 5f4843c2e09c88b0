namespace Collector.Core.Subjects;

/// <summary>A subject as it is seen at one moment: another thread may be swapping its names.</summary>
/// <param name="Subject">Null for what belongs to the machine as a whole.</param>
/// <param name="Names">Its names, as they were read.</param>
/// <param name="Node">What the node is called.</param>
public readonly record struct SubjectFacts(Subject? Subject, SubjectNames Names, string Node = "")
{
    /// <summary>The facts of now.</summary>
    public static SubjectFacts Of(Subject? subject, string node = "") =>
        new(subject, subject?.Names ?? SubjectNames.None, node);
}

/// <summary>One attribute that says what a series or an event is about.</summary>
/// <param name="Of">What it is a name of: the subject's pod, its network namespace, the node it is on.</param>
/// <param name="Key">Name of the attribute or label.</param>
/// <param name="Read">Its value; null leaves it out.</param>
public sealed record SubjectKey(SubjectKind Of, string Key, Func<SubjectFacts, string?> Read);
