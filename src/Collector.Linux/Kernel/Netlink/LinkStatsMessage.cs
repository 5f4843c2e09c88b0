using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>
/// RTM_NEWSTATS (rtnl_fill_statsinfo, net/core/rtnetlink.c): the counters of one device and nothing else.
/// </summary>
internal static class LinkStatsMessage
{
    /// <summary>False for a message that is cut short or has no counters.</summary>
    /// <param name="message">The message.</param>
    /// <param name="index">The device.</param>
    /// <param name="statistics">rtnl_link_stats64, as long as this kernel has it: what IFLA_STATS64 has.</param>
    public static bool TryParse(scoped in NetlinkMessage message, out int index, out ReadOnlySpan<ulong> statistics)
    {
        index = 0;
        statistics = default;
        if (message.Type != Rtnl.RTM_NEWSTATS || !message.TryRead<if_stats_msg>(out var header, out var rest))
            return false;
        index = header.ifindex;
        var attributes = new NetlinkAttributes(rest);
        while (attributes.MoveNext(out var type, out var value))
        {
            if (type == Rtnl.IFLA_STATS_LINK_64)
                statistics = MemoryMarshal.Cast<byte, ulong>(value);
        }
        return !attributes.Malformed && !statistics.IsEmpty;
    }
}
