using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Softirq;

/// <summary>A softirq that waited or ran too long: what is told about it.</summary>
internal static class SoftirqDelay
{
    public const byte Wait = 0;
    public const byte Run = 1;

    /// <summary>Threshold of older exporters, nanoseconds.</summary>
    public const long LegacySlow = 10_000_000;

    /// <summary>Packets of that CPU stood still for so long that TCP begins to send again.</summary>
    private const long Standstill = 100_000_000;

    /// <summary>Their numbers: <c>softirq_to_name</c> in kernel/softirq.c, in lower case. Part of the ABI.</summary>
    internal static readonly string[] Names =
        ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];

    internal static readonly EventInfo Slow = new()
    {
        Name = "netlens.softirq.slow",
        Severity = EventSeverity.Warn,
        Description = "A softirq waited or ran longer than the threshold; the process is what had the CPU at its start "
            + "or end, the previous one what had it until ksoftirqd got it.",
        Fields =
        [
            new("cpu.logical_number"), new("netlens.softirq.vector"), new("netlens.softirq.phase"),
            new("netlens.softirq.duration"), new("netlens.softirq.raiser.pid"), new("netlens.softirq.raiser.command"),
            new("netlens.softirq.previous.pid"), new("netlens.softirq.previous.command"),
        ],
        IsTimed = true,
    };

    /// <summary>The kind of event.</summary>
    /// <param name="isKsoftirqd">Whether a thread is one: only for these it is known who had the CPU before.</param>
    /// <param name="measured">What has counted it.</param>
    public static EventKind<SoftirqEvent> Kind(
        Func<int, bool> isKsoftirqd, OfRecord<SoftirqEvent, EventMeasure> measured) => new()
        {
            Info = Slow,
            Reason = static (in e) => ReasonOf(e.Vector, e.Phase),
            ProcessRole = null,
            Message = (in e, _) => Describe(e, e.Raiser.Process, Previous(e, isKsoftirqd)),
            Fields = (in e) => Fields(e, e.Raiser.Process, Previous(e, isKsoftirqd)),
            Severity = static (in e) => e.Duration >= Standstill ? EventSeverity.Error : EventSeverity.Warn,
            Duration = static (in e) => e.Duration,
            Stations = static (in e) => [(PhaseOf(e), e.Duration)],
            Measured = measured,
        };

    /// <summary>What is limited together.</summary>
    public static long ReasonOf(int vector, byte phase) => (vector * 2) + phase;

    private static EventProcess? Previous(in SoftirqEvent e, Func<int, bool> isKsoftirqd) =>
        isKsoftirqd(e.Head.Tid) ? e.Before.Process : null;

    private static TagValue?[] Fields(in SoftirqEvent e, EventProcess? raiser, EventProcess? previous) =>
    [
        (long)e.Cpu, Names[e.Vector], PhaseOf(e), e.Duration,
        raiser?.Tid, Command(raiser), previous?.Tid, Command(previous),
    ];

    private static string PhaseOf(in SoftirqEvent e) => e.Phase == Wait ? "wait" : "run";

    private static string Describe(in SoftirqEvent e, EventProcess? raiser, EventProcess? previous)
    {
        var ms = Durations.Milliseconds(e.Duration);
        var text = e.Phase == Wait
            ? $"cpu {e.Cpu} let {Names[e.Vector]} wait {ms} ms, raised by {Who(raiser)}, run in {Who(e.Head.Process)}"
            : $"cpu {e.Cpu} ran {Names[e.Vector]} for {ms} ms in {Who(e.Head.Process)}";
        return previous is null ? text : $"{text}, which got the cpu from {Who(previous)}";
    }

    private static string Who(EventProcess? thread) =>
        thread is null ? "a thread that ended" : $"{thread.Command}[{thread.Tid}]";

    private static TagValue? Command(EventProcess? thread) => thread is null ? default(TagValue?) : thread.Command;
}
