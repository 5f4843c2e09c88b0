using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Sockets;

namespace Collector.Linux.Findings.Cpu;

/// <summary>A pod may not run because its quota of processor time is used up.</summary>
internal sealed class QuotaThrottled(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Fewest = Option.Count(
        "periods", 10, "periods in a window",
        "Fewer, a second of them by default, say nothing of a share.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(25), "periods",
        "In a smaller part it runs most of the time.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 3, "slow reads of its sockets in a window",
        "Reads that came late now and then need not have come late for that.");

    private readonly long _periods = own.Get(Fewest);
    private readonly Share _share = own.Get(Part);
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "quota-throttled",
        Title = "A pod's CPU quota is used up",
        Severity = EventSeverity.Error,
        Condition = $"In two windows a pod used up its quota in {Part.InWords} of its periods, of {Fewest.InWords} or "
            + $"more (nr_throttled); an error where data waited in its sockets meanwhile, {ErrorFrom.InWords} times "
            + "or more.",
        Advice = "Raise the pod's CPU limit or take it away, or let the program use fewer threads at once.",
        Thresholds = [Fewest, Part, ErrorFrom],
        Triggers = [FindingTrigger.Grows(Throttling.Throttled)],
        Evidence = [Throttling.Periods, Throttling.Time],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(Throttling.Throttled))
        {
            var (throttled, periods) = (row.Growth(Throttling.Throttled), row.Growth(Throttling.Periods));
            if (throttled == 0 || periods < _periods || !_share.IsReached(throttled, periods))
                continue;
            var waited = row.Growth(Throttling.Time) / 1e9;
            var cpus = row.Level(Throttling.Limit) is { } limit ? limit / (double)CpuQuotas.Cpu : 0;
            var slow = window.Events(SocketLatencyKinds.ReadInfo).Count();
            yield return new()
            {
                Severity = slow >= _many ? EventSeverity.Error : EventSeverity.Warn,
                Sentence = Text($"used up its quota of {cpus:0.###} processors in {throttled} of {periods} periods ")
                    + Text($"and stood still for {waited:0.#} s")
                    + (slow > 0 ? $", while data waited in its sockets {slow} times" : ""),
                Evidence =
                [
                    new("nr_throttled", $"+{throttled} of {periods} periods in {window.Span}"),
                    new("throttled_usec", Text($"+{waited:0.###} s over all processors")),
                    .. slow > 0 ? [new("slow reads of sockets", $"{slow}")] : Array.Empty<Evidence>(),
                ],
                RuledOut = Checks.Of(window, Checks.Drops, Checks.Retransmissions),
                Knob = new("cpu.max", Text($"{cpus:0.###} processors"), "more, or no CPU limit", "the pod"),
                Confirm = "grep -H nr_throttled /sys/fs/cgroup/kubepods*/*/*/cpu.stat",
            };
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
