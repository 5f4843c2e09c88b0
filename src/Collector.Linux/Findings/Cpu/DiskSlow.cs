using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Block;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Cpu;

/// <summary>A disk takes so long that programs which wait for it answer late.</summary>
internal sealed class DiskSlow(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Least = 3;

    /// <summary>Nanoseconds that a disk may take when it is busy.</summary>
    private const long Slow = 100_000_000;

    private const long Standstill = 1_000_000_000;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "disk-slow",
        Title = "A disk is slow",
        Severity = EventSeverity.Error,
        Condition = "In two windows 3 or more reads or writes of a disk took over 100 ms; an error where 3 took "
            + "over 1 s, or any failed.",
        Advice = "Look who uses the disk and how much it may do (its limit of operations or bytes per second), and "
            + "whether it is about to fail.",
        Triggers = [FindingTrigger.Happens(SlowRequest.Info)],
        Evidence = [BioLatency.Duration],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Flushes and discards of healthy disks take long.
        foreach (var disk in window.Events(SlowRequest.Info)
            .Where(e => e.Duration >= Slow && Field(e, "netlens.block.operation") is "read" or "write")
            .GroupBy(e => Field(e, "system.device")))
        {
            if (disk.Count() < Least)
                continue;
            var worst = disk.MaxBy(e => e.Duration ?? 0)!;
            var (stood, failed) = (disk.Count(e => e.Duration >= Standstill),
                disk.Count(e => Number(e, "netlens.block.failed") is > 0));
            var waited = disk.Sum(e => Number(e, "netlens.block.waited") ?? 0);
            var total = disk.Sum(e => e.Duration ?? 0);
            yield return new()
            {
                Severity = stood >= Least || failed > 0 ? EventSeverity.Error : EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = disk.Key,
                Sentence = $"has to wait for the disk {disk.Key}: {disk.Count()} requests took over 100 ms, up to "
                    + $"{Durations.Milliseconds(worst.Duration ?? 0)} ms"
                    + (failed > 0 ? $", and {failed} failed" : ""),
                Evidence =
                [
                    window.Grew("requests over 100 ms", disk.Count()), window.Grew("over 1 s", stood),
                    new("of that time in the queue", $"{waited * 100 / Math.Max(1, total)} %"),
                ],
                Knob = new($"load of {disk.Key}", "", "less, or a faster disk", "who writes and reads"),
                Confirm = $"iostat -x {disk.Key} 1 5",
                Process = worst.Process,
            };
        }
    }
}
