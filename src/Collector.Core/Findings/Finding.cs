using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>One piece of what proves a finding.</summary>
/// <param name="Source">What tells it, as the kernel spells it: "ListenOverflows", "tracepoint skb:kfree_skb".</param>
/// <param name="Value">"+16 in 10 s", "2 of 1".</param>
public readonly record struct Evidence(string Source, string Value)
{
    public override string ToString() => $"{Source} {Value}";
}

/// <summary>What to turn.</summary>
/// <param name="Name">"net.core.somaxconn", "listen(backlog)".</param>
/// <param name="Now">Its present value; empty where it is not known.</param>
/// <param name="Suggested">What it should be, or what to do.</param>
/// <param name="Whose">"the program", "the pod's namespace", "the node".</param>
public sealed record Knob(string Name, string Now, string Suggested, string Whose);

/// <summary>What a rule says of a subject in one window.</summary>
public sealed record Verdict
{
    /// <summary>An error needs an effect: something refused, lost or late. Pressure alone is a warning.</summary>
    public required EventSeverity Severity { get; init; }

    /// <summary>
    /// Which of the subject's, where it may have several: "0.0.0.0:8080", "eth0". Part of the finding's identity.
    /// </summary>
    public string Detail { get; init; } = "";

    /// <summary>
    /// One sentence behind the subject's name: "drops handshakes at *:8080, its accept queue is full". It must not
    /// change from window to window by more than numbers.
    /// </summary>
    public required string Sentence { get; init; }

    /// <summary>One window is enough: the kernel told of it, or counted the loss of this very subject.</summary>
    public bool Direct { get; init; }

    /// <summary>
    /// Its figures say that more happened than what this kind counts: it is no consequence of one; null: of none.
    /// </summary>
    public FindingInfo? MoreThan { get; init; }

    public FindingConfidence Confidence { get; init; } = FindingConfidence.OwnCounter;

    public IReadOnlyList<Evidence> Evidence { get; init; } = [];

    /// <summary>Other causes that were looked at: "conntrack is 3 % full".</summary>
    public IReadOnlyList<string> RuledOut { get; init; } = [];

    /// <summary>What would tell more and cannot be seen here, with the reason.</summary>
    public IReadOnlyList<string> NotSeen { get; init; } = [];

    public Knob? Knob { get; init; }

    /// <summary>A command that shows the same.</summary>
    public string Confirm { get; init; } = "";

    /// <summary>The local end that it is about; null for none.</summary>
    public IPEndPoint? Local { get; init; }

    /// <summary>Both ends, of one occurrence; null where there are none.</summary>
    public FlowTuple? Tuple { get; init; }

    public EventProcess? Process { get; init; }
}

/// <summary>
/// A fault that is or was there: the last verdict, and how often and since when. Safe to read from anywhere.
/// </summary>
public sealed class Finding
{
    private volatile Verdict _verdict;
    private volatile Finding? _cause;

    /// <param name="number">From 1, in the order in which they were raised.</param>
    /// <param name="info">Its kind.</param>
    /// <param name="subject">Null: the node.</param>
    /// <param name="verdict">The first.</param>
    /// <param name="first">Unix nanoseconds.</param>
    internal Finding(long number, FindingInfo info, Subject? subject, Verdict verdict, long first)
    {
        (Number, Info, Subject, _verdict) = (number, info, subject, verdict);
        (First, Last, Severity) = (first, first, verdict.Severity);
    }

    public long Number { get; }

    public FindingInfo Info { get; }

    /// <summary>Null: the node.</summary>
    public Subject? Subject { get; }

    /// <summary>What its rule said last.</summary>
    public Verdict Verdict
    {
        get => _verdict;
        internal set => _verdict = value;
    }

    /// <summary>The worst of all verdicts.</summary>
    public EventSeverity Severity { get; internal set; }

    /// <summary>Beginning of the window in which it was seen first, Unix nanoseconds.</summary>
    public long First { get; internal set; }

    /// <summary>End of the window in which it was seen last, Unix nanoseconds.</summary>
    public long Last { get; internal set; }

    /// <summary>Since when it is there, or is there again, by a clock that nobody sets.</summary>
    internal long SinceMoment { get; set; }

    /// <summary>When it was over, by a clock that nobody sets.</summary>
    internal long EndMoment { get; set; }

    /// <summary>Windows in which it was seen.</summary>
    public long Windows { get; internal set; }

    /// <summary>False once it was not seen for a while.</summary>
    public bool IsActive { get; internal set; } = true;

    /// <summary>The finding whose consequence it is; null: of none.</summary>
    public Finding? Cause
    {
        get => _cause;
        internal set => _cause = value;
    }

    /// <summary>Who and what: "shop/web-0 drops handshakes at *:8080: ...".</summary>
    public string Sentence
    {
        get
        {
            var who = Subject is null ? "the node" : new EventParties(Subject, null).Where;
            return $"{who} {Verdict.Sentence}";
        }
    }

    public override string ToString() => $"{Info.Kind}: {Sentence}";
}
