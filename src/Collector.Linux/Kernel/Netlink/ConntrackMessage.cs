using System.Buffers.Binary;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>
/// ctnetlink's statistics (net/netfilter/nf_conntrack_netlink.c): attributes of be32 under an nfgenmsg.
/// </summary>
internal static class ConntrackMessage
{
    /// <summary>Attributes known so far, counting the unused number 0.</summary>
    public const int AttributeCount = 16;

    public const ushort PerCpu = Ctnetlink.NFNL_SUBSYS_CTNETLINK << 8 | Ctnetlink.IPCTNL_MSG_CT_GET_STATS_CPU;
    public const ushort Global = Ctnetlink.NFNL_SUBSYS_CTNETLINK << 8 | Ctnetlink.IPCTNL_MSG_CT_GET_STATS;

    /// <summary>
    /// Reads a message's numbers into the place of their attribute; those not sent become -1. The CPU is in the
    /// header's resource id.
    /// </summary>
    public static bool TryParse(scoped in NetlinkMessage message, ushort type, Span<long> values, out int cpu)
    {
        values.Fill(-1);
        cpu = -1;
        if (message.Type != type || !message.TryRead<nfgenmsg>(out var header, out var rest))
            return false;
        cpu = BinaryPrimitives.ReverseEndianness(header.res_id);
        var attributes = new NetlinkAttributes(rest);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            if (attribute >= values.Length)
                continue; // Of a newer kernel.
            if (!NetlinkAttributes.TryUInt32BigEndian(value, out var number))
                return false;
            values[attribute] = number;
        }
        return !attributes.Malformed;
    }
}
