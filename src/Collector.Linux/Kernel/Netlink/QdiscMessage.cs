using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>One RTM_NEWQDISC message (tc_fill_qdisc, net/sched/sch_api.c).</summary>
internal ref struct QdiscMessage
{
    public int Interface;
    public uint Handle;
    public uint Parent;
    public ReadOnlySpan<byte> Kind;
    public bool HasStatistics;
    public ulong Bytes;

    /// <summary>64 bits wide when <see cref="WidePackets"/>, else the low 32.</summary>
    public ulong Packets;
    public bool WidePackets;
    public gnet_stats_queue Queue;

    /// <summary>False when the statistics came in the legacy attribute, which has no requeues.</summary>
    public bool HasRequeues;

    /// <summary>False for a message that is cut short or has no kind.</summary>
    public static bool TryParse(scoped in NetlinkMessage message, out QdiscMessage qdisc)
    {
        qdisc = default;
        if (message.Type != Rtnl.RTM_NEWQDISC || !message.TryRead<tcmsg>(out var header, out var rest))
            return false;
        qdisc.Interface = header.tcm_ifindex;
        qdisc.Handle = header.tcm_handle;
        qdisc.Parent = header.tcm_parent;
        ReadOnlySpan<byte> legacy = default;
        var good = true;
        var attributes = new NetlinkAttributes(rest);
        while (good && attributes.MoveNext(out var type, out var value))
        {
            if (type == Rtnl.TCA_KIND)
                qdisc.Kind = NetlinkAttributes.Text(value);
            else if (type == Rtnl.TCA_STATS2)
                good = qdisc.TakeStatistics(value);
            else if (type == Rtnl.TCA_STATS)
                legacy = value;
        }
        if (!good || attributes.Malformed || qdisc.Kind.IsEmpty)
            return false;
        return qdisc.HasStatistics || legacy.IsEmpty || qdisc.TakeLegacy(legacy);
    }

    // The nested attributes have numbers of their own: TCA_STATS_QUEUE is 3 here, and so is TCA_STATS outside.
    private bool TakeStatistics(ReadOnlySpan<byte> nested)
    {
        var attributes = new NetlinkAttributes(nested);
        var good = true;
        var basic = false;
        while (good && attributes.MoveNext(out var type, out var value))
        {
            switch (type)
            {
                case Rtnl.TCA_STATS_BASIC:
                    good = basic = TakeBasic(value);
                    break;
                case Rtnl.TCA_STATS_QUEUE:
                    good = HasRequeues = MemoryMarshal.TryRead(value, out Queue);
                    break;
                case Rtnl.TCA_STATS_PKT64:
                    // Since Linux 5.5, and only once the count is beyond 32 bits (net/core/gen_stats.c).
                    good = WidePackets = MemoryMarshal.TryRead(value, out Packets);
                    break;
            }
        }
        HasStatistics = basic && HasRequeues;
        return good && !attributes.Malformed;
    }

    private bool TakeBasic(ReadOnlySpan<byte> value)
    {
        // 16 bytes from a 64-bit kernel, 12 where u64 is aligned to 4.
        if (value.Length < 12)
            return false;
        Bytes = MemoryMarshal.Read<ulong>(value);
        if (!WidePackets)
            Packets = MemoryMarshal.Read<uint>(value[8..]);
        return true;
    }

    private bool TakeLegacy(ReadOnlySpan<byte> value)
    {
        // The structure ends with padding that a kernel need not send.
        if (value.Length < 36)
            return false;
        Span<byte> whole = stackalloc byte[40];
        whole.Clear();
        value[..36].CopyTo(whole);
        var stats = MemoryMarshal.Read<tc_stats>(whole);
        Bytes = stats.bytes;
        Packets = stats.packets;
        WidePackets = false;
        Queue = new gnet_stats_queue
        {
            qlen = stats.qlen, backlog = stats.backlog, drops = stats.drops, overlimits = stats.overlimits,
        };
        HasRequeues = false;
        HasStatistics = true;
        return true;
    }
}
