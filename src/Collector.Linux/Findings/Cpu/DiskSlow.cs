using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Block;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Cpu;

/// <summary>A disk takes so long that programs which wait for it answer late.</summary>
internal sealed class DiskSlow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "reads or writes in a window",
        "A busy disk is late once.");

    private static readonly ProbeOption<TimeSpan> Slow = Option.Duration(
        "duration", TimeSpan.FromMilliseconds(100),
        "A busy disk may take less; the probe's option slow must be as short.", 1, 60_000);

    private static readonly ProbeOption<TimeSpan> Standstill = Option.Duration(
        "errorDuration", TimeSpan.FromSeconds(1),
        "So long a program seems to hang.", 1, 600_000);

    private readonly long _least = own.Get(Least);
    private readonly long _slow = own.Get(Slow).Ticks * 100;
    private readonly long _standstill = own.Get(Standstill).Ticks * 100;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "disk-slow",
        Title = "A disk is slow",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more reads or writes of a disk took over {Slow.InWords}; an "
            + $"error where as many took over {Standstill.InWords}, or any failed.",
        Advice = "Look who uses the disk and how much it may do (its limit of operations or bytes per second), and "
            + "whether it is about to fail.",
        Thresholds = [Least, Slow, Standstill],
        Triggers = [FindingTrigger.Happens(SlowRequest.Info)],
        Evidence = [BioLatency.Duration],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Flushes and discards of healthy disks take long.
        foreach (var disk in window.Events(SlowRequest.Info)
            .Where(e => e.Duration >= _slow && Field(e, "netlens.block.operation") is "read" or "write")
            .GroupBy(e => Field(e, "system.device")))
        {
            if (disk.Count() < _least)
                continue;
            var worst = disk.MaxBy(e => e.Duration ?? 0)!;
            var (stood, failed) = (disk.Count(e => e.Duration >= _standstill),
                disk.Count(e => Number(e, "netlens.block.failed") is > 0));
            var waited = disk.Sum(e => Number(e, "netlens.block.waited") ?? 0);
            var total = disk.Sum(e => e.Duration ?? 0);
            yield return new()
            {
                Severity = stood >= _least || failed > 0 ? EventSeverity.Error : EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = disk.Key,
                Sentence = $"has to wait for the disk {disk.Key}: {disk.Count()} requests took over "
                    + $"{Time(_slow)}, up to {Durations.Milliseconds(worst.Duration ?? 0)} ms"
                    + (failed > 0 ? $", and {failed} failed" : ""),
                Evidence =
                [
                    window.Grew($"requests over {Time(_slow)}", disk.Count()),
                    window.Grew($"over {Time(_standstill)}", stood),
                    new("of that time in the queue", $"{waited * 100 / Math.Max(1, total)} %"),
                ],
                Knob = new($"load of {disk.Key}", "", "less, or a faster disk", "who writes and reads"),
                Confirm = $"iostat -x {disk.Key} 1 5",
                Process = worst.Process,
            };
        }
    }

    private static string Time(long nanoseconds) => nanoseconds % 1_000_000_000 == 0
        ? $"{nanoseconds / 1_000_000_000} s" : $"{nanoseconds / 1_000_000} ms";
}
