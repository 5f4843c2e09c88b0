using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.RunQueue;

namespace Collector.Linux.Findings.Cpu;

/// <summary>A pod's threads wait for a processor that another pod has.</summary>
internal sealed class NoisyNeighbour(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(20), "the window, all threads added up",
        "Less is how processors are shared fairly.", 100, 1_000_000);

    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "noisy-neighbour",
        Title = "A pod waits for processors that other pods have",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows threads of a pod waited for a processor behind another pod for {Part.InWords} of "
            + "the time, and longer than behind their own. Needs the probe runqueue, which is off by default.",
        Advice = "Give the pod a larger CPU request, or the other one a limit, or move one of them.",
        Thresholds = [Part],
        // Nanoseconds: of a second that share.
        Triggers = [FindingTrigger.Grows(RunQueue.BehindPod, Part, static p => (long)p.Of(1e9))],
        Evidence = [RunQueue.BehindOwn],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (other, itself) = (window.Growth(RunQueue.BehindPod), window.Growth(RunQueue.BehindOwn));
        // The node's own threads are of no pod.
        if (window.Subject is null or { IsHost: true } || other < itself || other < _share.Of(window.Seconds * 1e9))
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = Text($"waited {other / 1e9:0.#} s in {window.Seconds:0} s for processors that other pods had"),
            Evidence =
            [
                new("waited behind another pod", Text($"{other / 1e9:0.##} s")),
                new("behind itself", Text($"{itself / 1e9:0.##} s")),
            ],
            RuledOut = Checks.Of(window, Checks.Throttling),
            Knob = new("CPU request", "", "more for this pod, or a limit for the other", "the pod"),
            Confirm = "systemd-cgtop -1 -c",
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
