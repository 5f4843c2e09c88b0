using System.Globalization;
using Collector.Core.Events;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>Tells when a pod or container begins to be throttled much, once until it is less again.</summary>
/// <param name="host">The machine.</param>
/// <param name="share">Per cent of the periods of a collection; 0: never.</param>
internal sealed class ThrottledPeriods(ProbeHost host, long share)
{
    /// <summary>Periods of a collection from which shares mean something: a second, as kubelets set them.</summary>
    private const int Least = 10;

    public static EventInfo Info { get; } = new()
    {
        Name = "netlens.throttling.throttled",
        Severity = EventSeverity.Warn,
        Description = "In a collection, a pod or container used up its CPU quota in more of its periods than the "
            + "threshold allows, and in the one before it did not.",
        Fields =
        [
            new("netlens.throttling.throttled_periods"), new("netlens.throttling.periods"),
            new("netlens.throttling.time"), new("netlens.throttling.limit_millis"),
        ],
    };

    /// <summary>Looks at what a collection saw.</summary>
    public void Look(ThrottledGroup group, long time)
    {
        var periods = group.Sum.Periods - group.Before.Periods;
        var throttled = group.Sum.Throttled - group.Before.Throttled;
        if (periods < Least)
            return;
        var told = group.Told;
        group.Told = share > 0 && throttled * 100 >= periods * share;
        var key = new EventKey(Info, group.Subject.Inode, group.Subject.Generation);
        if (group.Told && !told && host.Events.Admit(key, time))
            host.Events.Publish(key, Describe(group, time, periods, throttled));
    }

    private static NetworkEvent Describe(ThrottledGroup group, long time, long periods, long throttled)
    {
        var waited = group.Sum.Time - group.Before.Time;
        var limit = Math.Max(0, group.Limit);
        var e = new NetworkEvent
        {
            Info = Info,
            Time = time,
            ObservedTime = time,
            Message = "",
            Subject = group.Subject,
            Fields = [throttled, periods, waited, limit * 1000 / CpuQuotas.Cpu],
        };
        var cpus = ((double)limit / CpuQuotas.Cpu).ToString("0.###", CultureInfo.InvariantCulture);
        var seconds = (waited / 1e9).ToString("0.0##", CultureInfo.InvariantCulture);
        var what = $"{new EventParties(group.Subject, null).Local} used up its CPU quota ({cpus} processors) in "
            + $"{throttled} of {periods} periods and waited {seconds} s for more";
        return e with { Message = EventText.Of(e, what, null) };
    }
}
