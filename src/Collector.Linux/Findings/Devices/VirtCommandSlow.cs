using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Virtio;

namespace Collector.Linux.Findings.Devices;

/// <summary>The host below a virtual machine is slow to do what the machine's network device is told.</summary>
internal sealed class VirtCommandSlow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "commands in a window",
        "A hypervisor that is busy for a moment is slow once.");

    private static readonly ProbeOption<TimeSpan> Standstill = Option.Duration(
        "errorDuration", TimeSpan.FromSeconds(1),
        "So long nothing of the node's network could be changed, for the device holds the lock of all "
        + "settings.", 10, 60_000);

    private readonly long _least = own.Get(Least);
    private readonly long _standstill = own.Get(Standstill).Ticks * 100;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "virtio-command-slow",
        Title = "The hypervisor is slow to answer a virtio device",
        Severity = EventSeverity.Error,
        Condition = $"In two windows a virtio-net device took over 10 ms for {Least.InWords} commands or more; an "
            + $"error, at once, where one took {Standstill.InWords}: meanwhile the kernel's lock of all network "
            + "settings (RTNL) is held.",
        Advice = "Tell who runs the hypervisor; ask the device for less: statistics by ethtool, changes of filters and "
            + "queues are such commands.",
        Thresholds = [Least, Standstill],
        Triggers = [FindingTrigger.Happens(VirtCmdLatency.SlowCommand)],
        Blind = "Needs fentry or kprobes: kernels without either do not show these commands.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var device in window.Events(VirtCmdLatency.SlowCommand)
            .GroupBy(e => Field(e, "network.interface.name")))
        {
            var worst = device.MaxBy(e => e.Duration ?? 0)!;
            var still = worst.Duration >= _standstill;
            if (device.Count() < _least && !still)
                continue;
            var command = $"{Field(worst, "netlens.virtcmd.class")} {Field(worst, "netlens.virtcmd.command")}";
            yield return new()
            {
                Severity = still ? EventSeverity.Error : EventSeverity.Warn,
                Direct = still,
                Confidence = FindingConfidence.Event,
                Detail = device.Key,
                Sentence = $"waits for the hypervisor: {device.Key} took up to "
                    + $"{Durations.Milliseconds(worst.Duration ?? 0)} ms for commands ({command})"
                    + (still ? ", and no network setting could be changed" : ""),
                Evidence =
                [
                    window.Grew("commands over 10 ms", device.Count()),
                    .. worst.Process is { } asker ? [new("asked by", asker.Command)] : Array.Empty<Evidence>(),
                ],
                Knob = new("the hypervisor", "", "a faster control queue", "who runs it"),
                Confirm = Inside(window.Subject, $"ip -s link show dev {Quote(device.Key)}"),
                Process = worst.Process,
            };
        }
    }
}
