using System.Globalization;
using Collector.Core.Findings;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Common;

/// <summary>
/// Looks whether another cause can be ruled out: says so in a few words, or nothing where it cannot, or where that is
/// not known.
/// </summary>
internal delegate string? Check(SubjectWindow window);

/// <summary>The usual suspects, each looked at once for all rules.</summary>
internal static class Checks
{
    /// <summary>What rules of netfilter drop; before Linux 5.17 the function tells instead of a reason.</summary>
    public static readonly string[] NetfilterReasons = ["NETFILTER_DROP", "nf_hook_slow", "nf_hook_slow_list"];

    /// <summary>Connection tracking has room, and dropped nothing.</summary>
    public static string? Conntrack(SubjectWindow window)
    {
        if (window.Level(Probes.Tables.Conntrack.Entries) is not { } entries
            || window.Level(Probes.Tables.Conntrack.Limit) is not (> 0 and var limit) || entries > limit * 0.9)
            return null;
        return string.Create(CultureInfo.InvariantCulture, $"conntrack is {entries * 100.0 / limit:0.#} % full");
    }

    /// <summary>No rule of netfilter dropped anything of the subject's.</summary>
    public static string? Netfilter(SubjectWindow window) =>
        window.Knows(PacketLossTables.LostCounter) && DroppedByRules(window) == 0
            ? "no drop by netfilter"
            : null;

    /// <summary>Its quota of processor time was not used up.</summary>
    public static string? Throttling(SubjectWindow window) =>
        window.Knows(Probes.Cgroups.Throttling.Periods) && window.Growth(Probes.Cgroups.Throttling.Throttled) == 0
            ? "its CPU quota was not used up"
            : null;

    /// <summary>The kernel lost none of its packets.</summary>
    public static string? Drops(SubjectWindow window) =>
        window.Knows(PacketLossTables.LostCounter) && window.Growth(PacketLossTables.LostCounter) == 0
            ? "this node lost no packet of it"
            : null;

    /// <summary>TCP sent hardly anything again.</summary>
    public static string? Retransmissions(SubjectWindow window)
    {
        var sent = window.Growth(Tcp.Of("Tcp", "OutSegs"));
        var again = window.Growth(Tcp.Of("Tcp", "RetransSegs"));
        if (sent == 0 || again * 100 >= sent)
            return null;
        var share = again * 100.0 / sent;
        return string.Create(CultureInfo.InvariantCulture, $"{share:0.##} % of its segments were sent again");
    }

    /// <summary>How many of the subject's packets were dropped for a reason.</summary>
    public static long DropsFor(SubjectWindow window, string reason)
    {
        var sum = 0L;
        foreach (var row in window.Rows(PacketLossTables.Drops))
        {
            if (row.Tag("netlens.drop.reason") == reason)
                sum += row.Growth(PacketLossTables.DropsCounter);
        }
        return sum;
    }

    /// <summary>How many of the subject's packets rules of netfilter dropped.</summary>
    public static long DroppedByRules(SubjectWindow window) => NetfilterReasons.Sum(r => DropsFor(window, r));

    /// <summary>
    /// How many of the subject's packets the queue of a device dropped: by the kernel's reason, which old ones do not
    /// have, or by the count of the queue, which is not asked where it is the device's own.
    /// </summary>
    public static long QueueDrops(SubjectWindow window) => Math.Max(
        DropsFor(window, "QDISC_DROP") + DropsFor(window, "QDISC_OVERLIMIT"),
        window.Growth(Qdisc.TotalDrops));

    /// <summary>What those checks say that could rule something out.</summary>
    public static IReadOnlyList<string> Of(SubjectWindow window, params ReadOnlySpan<Check> checks)
    {
        var said = new List<string>();
        foreach (var check in checks)
        {
            if (check(window) is { } text)
                said.Add(text);
        }
        return said;
    }

    /// <summary>What rules of netfilter dropped of the subject's, as evidence; nothing where that is nothing.</summary>
    public static IEnumerable<Evidence> NetfilterDrops(SubjectWindow window) =>
        DroppedByRules(window) is > 0 and var drops ? [window.Grew("NETFILTER_DROP", drops)] : [];
}
