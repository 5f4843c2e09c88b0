using System.Runtime.CompilerServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>Brings the counters of known devices up to date, without what else is known of them.</summary>
internal sealed class LinkCounters(LinkTable table) : INetlinkSink
{
    private int _known;
    private int _others;

    /// <summary>The kernel does not know the question (before 4.7, gVisor).</summary>
    public bool Refused { get; private set; }

    /// <summary>Asks for them.</summary>
    /// <returns>False where the kernel did not answer, or has other devices than the table.</returns>
    public bool Read(NamespaceHandle handle)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<if_stats_msg>()];
        request.Clear();
        NetlinkChannel.Payload<if_stats_msg>(request).filter_mask = 1u << (Rtnl.IFLA_STATS_LINK_64 - 1);
        if (table.Channel.Ask(handle, Rtnl.RTM_GETSTATS, Rtnl.NLM_F_DUMP, request, this))
            return _known == table.Links.Length && _others == table.LeftOut;
        Refused = table.Channel.Error is var error && (error == EOPNOTSUPP || error == EINVAL);
        return false;
    }

    void INetlinkSink.Begin() => (_known, _others) = (0, 0);

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!LinkStatsMessage.TryParse(message, out var index, out var statistics))
            return false;
        if (table.Find(index) is { } link)
        {
            link.Update(statistics);
            _known++;
        }
        else
        {
            _others++;
        }
        return true;
    }
}
