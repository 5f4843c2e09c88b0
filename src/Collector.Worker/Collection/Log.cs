using Collector.Worker.Logging;

namespace Collector.Worker.Collection;

/// <summary>What the collection says.</summary>
internal static partial class Log
{
    [LoggerMessage(LogEvents.ProbeFailed, LogLevel.Warning, "probe {Probe} failed: {Reason}; it will be started again")]
    public static partial void ProbeFailed(ILogger logger, string probe, string reason, Exception? exception);

    [LoggerMessage(LogEvents.ProbeUnavailable, LogLevel.Information, "probe {Probe} is not available: {Reason}")]
    public static partial void ProbeUnavailable(ILogger logger, string probe, string reason);

    [LoggerMessage(LogEvents.ProbeRecovered, LogLevel.Information, "probe {Probe} runs again")]
    public static partial void ProbeRecovered(ILogger logger, string probe);

    [LoggerMessage(LogEvents.ReadFailed, LogLevel.Warning,
        "probe {Probe}: a read failed ({Reason}); further ones are only counted in netlens.probe.errors")]
    public static partial void ReadFailed(ILogger logger, string probe, string reason);

    [LoggerMessage(LogEvents.FirstSnapshot, LogLevel.Information,
        "first snapshot after {Milliseconds} ms: {Series} series of {Namespaces} network namespaces "
            + "from {Probes} probes")]
    public static partial void FirstSnapshot(
        ILogger logger, long milliseconds, long series, int namespaces, int probes);

    [LoggerMessage(LogEvents.Overrun, LogLevel.Warning,
        "a collection took {Seconds:F1} s, longer than the interval; {Missed} were left out so far")]
    public static partial void Overrun(ILogger logger, double seconds, long missed);

    [LoggerMessage(LogEvents.Halted, LogLevel.Warning,
        "nothing ran for {Seconds:F1} s: the process or the machine was stopped or starved; {Missed} collections were "
            + "left out so far")]
    public static partial void Halted(ILogger logger, double seconds, long missed);

    [LoggerMessage(LogEvents.CollectionEnded, LogLevel.Critical, "the collection thread ended: {Reason}")]
    public static partial void CollectionEnded(ILogger logger, string reason, Exception exception);

    [LoggerMessage(LogEvents.Ebpf, LogLevel.Debug, "ebpf: {Text}")]
    public static partial void Ebpf(ILogger logger, string text);

    [LoggerMessage(LogEvents.EventsEnded, LogLevel.Critical,
        "{Reason}; probes only count until the agent is started again")]
    public static partial void EventsEnded(ILogger logger, string reason);

    [LoggerMessage(LogEvents.LeftOut, LogLevel.Warning,
        "{Count} {What} are left out: {Key} is {Most}; further ones are only counted in netlens.limit.left_out")]
    public static partial void LeftOut(ILogger logger, long count, string what, string key, int most);

    [LoggerMessage(LogEvents.PartChosen, LogLevel.Information,
        "part {Part} of the collection is read by {Source}: {Reason}")]
    public static partial void PartChosen(ILogger logger, string part, string source, string reason);

    [LoggerMessage(LogEvents.PartRefused, LogLevel.Warning,
        "part {Part} of the collection is read by proc, not by kernel as collection.source wants it: {Reason}")]
    public static partial void PartRefused(ILogger logger, string part, string reason);

    [LoggerMessage(LogEvents.PartFellBack, LogLevel.Warning,
        "part {Part} of a collection was read by proc: {Reason}; further ones are only counted in "
            + "netlens.collection.fallbacks")]
    public static partial void PartFellBack(ILogger logger, string part, string reason);

    [LoggerMessage(LogEvents.OverBudget, LogLevel.Warning,
        "probe {Probe} was switched off until the next reload: {Reason}")]
    public static partial void OverBudget(ILogger logger, string probe, string reason);

    [LoggerMessage(LogEvents.BudgetExhausted, LogLevel.Warning,
        "eBPF programs take {Percent:0.##} % of a processor, budget.cpu is {Budget:0.####} %, and no optional probe is "
            + "left to switch off")]
    public static partial void BudgetExhausted(ILogger logger, double percent, double budget);

    [LoggerMessage(LogEvents.BudgetUnknown, LogLevel.Information, "budget.cpu is not kept: {Reason}")]
    public static partial void BudgetUnknown(ILogger logger, string reason);

    [LoggerMessage(LogEvents.RuleBroken, LogLevel.Error,
        "the rule {Kind} failed and is switched off until the next start; the others go on: {Reason}")]
    public static partial void RuleBroken(ILogger logger, string kind, string reason);

    public static void Pods(ILogger logger, bool warning, string text)
    {
        if (warning)
            PodsTrouble(logger, text);
        else
            PodsFound(logger, text);
    }

    [LoggerMessage(LogEvents.PodsFound, LogLevel.Information, "pods: {Text}")]
    private static partial void PodsFound(ILogger logger, string text);

    [LoggerMessage(LogEvents.PodsTrouble, LogLevel.Warning, "pods: {Text}")]
    private static partial void PodsTrouble(ILogger logger, string text);

    [LoggerMessage(LogEvents.NamespacesUnreadable, LogLevel.Warning,
        "{Count} network namespaces could not be opened: {Hint}")]
    public static partial void NamespacesUnreadable(ILogger logger, int count, string hint);
}
