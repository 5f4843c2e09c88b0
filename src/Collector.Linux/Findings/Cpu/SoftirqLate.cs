using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Softirq;

namespace Collector.Linux.Findings.Cpu;

/// <summary>Received packets wait for a processor that does something else.</summary>
internal sealed class SoftirqLate(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "waits of a processor in a window",
        "One may be a thread that was nearly done.");

    private static readonly ProbeOption<TimeSpan> Late = Option.Duration(
        "errorDuration", TimeSpan.FromMilliseconds(100),
        "After that TCP begins to send again.", 10, 60_000);

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 2, "such waits in a window",
        "One may be a virtual machine that was moved.");

    private readonly long _least = own.Get(Least);
    private readonly long _late = own.Get(Late).Ticks * 100;
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "softirq-delay",
        Title = "Received packets wait for a processor",
        Severity = EventSeverity.Error,
        Condition = $"In two windows the receive softirq (net_rx) of a processor waited over 10 ms {Least.InWords} "
            + $"times or more; an error where it did so over {Late.InWords} {ErrorFrom.InWords} times.",
        Advice = "Find what keeps that processor: a real-time thread, a driver that spins with softirqs off, a virtual "
            + "machine that is not scheduled (steal); move it, or the device's interrupts, to another processor.",
        Thresholds = [Least, Late, ErrorFrom],
        Triggers = [FindingTrigger.Happens(SoftirqDelay.Slow)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var waits = window.Events(SoftirqDelay.Slow)
            .Where(e => Field(e, "netlens.softirq.vector") == "net_rx" && Field(e, "netlens.softirq.phase") == "wait");
        foreach (var cpu in waits.GroupBy(e => Number(e, "cpu.logical_number") ?? -1))
        {
            if (cpu.Count() < _least)
                continue;
            var worst = cpu.MaxBy(e => e.Duration ?? 0)!;
            var late = cpu.Count(e => e.Duration >= _late);
            var holder = Field(worst, "netlens.softirq.previous.command") is { Length: > 0 } previous ? previous
                : worst.Process?.Command ?? "";
            yield return new()
            {
                Severity = late >= _many ? EventSeverity.Error : EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = $"cpu {cpu.Key}",
                Sentence = $"lets received packets wait at processor {cpu.Key}, {cpu.Count()} times and up to "
                    + $"{Durations.Milliseconds(worst.Duration ?? 0)} ms"
                    + (holder.Length > 0 ? $"; {holder} had it" : ""),
                Evidence =
                [
                    window.Grew("net_rx softirqs that waited over 10 ms", cpu.Count()),
                    window.Grew($"over {_late / 1_000_000} ms", late),
                ],
                Knob = new(
                    "the threads and interrupts of that processor", "", "others, or other affinities", "the node"),
                Confirm = $"mpstat -P {cpu.Key} -I SCPU 1 5",
                Process = worst.Process,
            };
        }
    }
}
