using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Kernel;

namespace Collector.Linux.Probes.Node;

/// <summary>The event that a probe was switched off because the programs of all took more than they may.</summary>
internal static class SwitchedOff
{
    public static EventInfo Info { get; } = new()
    {
        Name = "netlens.ebpf.switched_off",
        Severity = EventSeverity.Warn,
        Description = "The agent's programs took more of a processor than budget.cpu, and the dearest optional probe "
            + "was switched off until the next reload.",
        Fields = [new("netlens.ebpf.probe"), new("netlens.ebpf.cpu.percent"), new("netlens.ebpf.cpu.budget")],
    };

    /// <summary>Tells of it.</summary>
    /// <param name="events">Whom.</param>
    /// <param name="probe">Which probe.</param>
    /// <param name="percent">What the programs of all took, per cent of a processor.</param>
    /// <param name="budget">What they may take.</param>
    /// <param name="reason">All of it in words.</param>
    public static void Report(IEventSink events, string probe, double percent, double budget, string reason)
    {
        var now = KernelClock.UnixNow();
        var key = new EventKey(Info, 0, probe.GetHashCode(StringComparison.Ordinal));
        if (!events.Admit(key, now))
            return;
        events.Publish(key, new NetworkEvent
        {
            Info = Info,
            Time = now,
            ObservedTime = now,
            Message = $"probe {probe} was switched off: {reason}",
            Fields = [probe, Percent(percent), Percent(budget)],
        });
    }

    private static TagValue Percent(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
