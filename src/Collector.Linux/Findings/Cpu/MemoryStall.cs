using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Cpu;

/// <summary>Tasks stand still because there is no memory, and answer late.</summary>
internal sealed class MemoryStall(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(10), "the window",
        "Less is reclaim as it happens on each node that uses its memory.", 100);

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(40), "the window",
        "So long nothing at all runs: who asks waits for it.", 100);

    private readonly Share _share = own.Get(Part);
    private readonly Share _errorShare = own.Get(ErrorPart);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "memory-stall",
        Title = "Tasks stand still for want of memory",
        Severity = EventSeverity.Error,
        Condition = $"In two windows tasks of the pod, or of the node, waited for memory in {Part.InWords} of the "
            + $"time (pressure stall information, some); an error where in {ErrorPart.InWords} all of them did "
            + "(full).",
        Advice = "Raise the pod's memory limit or let the program use less; of the node, move pods away.",
        Thresholds = [Part, ErrorPart],
        // Microseconds: of a tenth of a second that share.
        Triggers = [FindingTrigger.Grows(Pressure.MemorySome, Part, static p => (long)p.Of(1e5))],
        Evidence = [Pressure.MemoryFull],
        Blind = "Kernels without pressure stall information (CONFIG_PSI, or psi=0), and pods in cgroups of version "
            + "1, tell nothing of it.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var some = window.Growth(Pressure.MemorySome) / window.Seconds / 1e4;
        if (some < _share.Of(100))
            yield break;
        var full = window.Growth(Pressure.MemoryFull) / window.Seconds / 1e4;
        yield return new()
        {
            Severity = full >= _errorShare.Of(100) ? EventSeverity.Error : EventSeverity.Warn,
            Sentence = Text($"lets tasks wait for memory in {some:0} % of the time")
                + (full >= _errorShare.Of(100) ? Text($", and all of them in {full:0} %: it answers late") : ""),
            Evidence =
            [
                new("memory.pressure some", Text($"{some:0.#} % of {window.Seconds:0} s")),
                new("full", Text($"{full:0.#} %")),
            ],
            RuledOut = Checks.Of(window, Checks.Throttling, Checks.Drops),
            Knob = window.Subject is null or { IsHost: true }
                ? new("memory of the node", "", "less load, or more of it", "the node")
                : new("memory.max, memory.high", "", "a higher memory limit", "the pod"),
            Confirm = window.Subject is null or { IsHost: true }
                ? "cat /proc/pressure/memory"
                : "grep -H . /sys/fs/cgroup/kubepods*/*/*/memory.pressure",
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
