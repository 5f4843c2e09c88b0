namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// One way to see what a hook is for: the programs of the probe's object that are attached together. Their sections
/// say how and where (<c>tp_btf/kfree_skb</c>). One whose name ends in <c>?</c> may be absent.
/// </summary>
/// <param name="Programs">Names of the C functions.</param>
public sealed record Way(params IReadOnlyList<string> Programs)
{
    /// <summary>
    /// What the programs assume about a tracepoint's arguments, checked against BTF: tracepoint, argument from 0, type.
    /// </summary>
    public IReadOnlyList<(string Tracepoint, int Argument, string Type)> Assumes { get; init; } = [];

    /// <summary>The function to attach to instead of the section's, for fentry, fexit, kprobe and kretprobe.</summary>
    public string? Function { get; init; }

    internal IEnumerable<string> Names => Programs.Select(p => p.TrimEnd('?'));

    internal bool IsRequired(string program) => Programs.Contains(program);

    public override string ToString() => string.Join("+", Programs);
}

/// <summary>Something that a probe wants to see, with the ways to see it, best first.</summary>
/// <param name="Name">What it sees, for people.</param>
/// <param name="Ways">The ladder.</param>
public sealed record Hook(string Name, params IReadOnlyList<Way> Ways)
{
    /// <summary>True when the probe is useful without it.</summary>
    public bool Optional { get; init; }
}

/// <summary>What became of one way on this kernel.</summary>
public enum WayVerdict
{
    /// <summary>Attached.</summary>
    Taken,

    /// <summary>The kernel or a check refused it.</summary>
    Refused,

    /// <summary>A better way was taken, or the probe does not run for another hook's sake.</summary>
    NotNeeded,
}

/// <param name="Sections">Its programs' sections: <c>tp_btf/kfree_skb</c>.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Reason">Why it was refused; what optional programs are missing; else empty.</param>
public sealed record WayReport(string Sections, WayVerdict Verdict, string Reason);

/// <summary>A hook's ladder as this kernel took it.</summary>
public sealed record HookReport(string Hook, bool Optional, IReadOnlyList<WayReport> Ways)
{
    public WayReport? Taken => Ways.FirstOrDefault(w => w.Verdict == WayVerdict.Taken);
}

/// <summary>How a probe's object was loaded, or why not.</summary>
/// <param name="Probe">Probe id.</param>
/// <param name="Hooks">Its ladders; empty when nothing could be tried.</param>
/// <param name="Failure">Why the probe does not run; null when it does.</param>
public sealed record LadderReport(string Probe, IReadOnlyList<HookReport> Hooks, string? Failure);
