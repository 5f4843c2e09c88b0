using System.Runtime.CompilerServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Asks a namespace's connection tracking by ctnetlink, which would load the modules where they are not.
/// </summary>
internal sealed class ConntrackDiag : IDisposable
{
    private readonly NetlinkChannel _channel = new(NetlinkFamily.Netfilter);

    public string Failure => _channel.Failure;

    /// <summary>False: it cannot be asked, and <see cref="Failure"/> says why.</summary>
    // The single answer to the second is flagged NLM_F_MULTI as if more came (ctnetlink_stat_ct_fill_info): the
    // acknowledgement is what ends it.
    public bool Ask(NamespaceHandle ns, PerCpuSums counters, ConntrackLevel level) =>
        Ask(ns, ConntrackMessage.PerCpu, Rtnl.NLM_F_DUMP, counters)
        && Ask(ns, ConntrackMessage.Global, Rtnl.NLM_F_ACK, level);

    private bool Ask(NamespaceHandle ns, ushort type, ushort flags, INetlinkSink sink)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<nfgenmsg>()];
        request.Clear();
        return _channel.Ask(ns, type, flags, request, sink);
    }

    public void Dispose() => _channel.Dispose();
}

/// <summary>Entries of a namespace's table, and their limit; -1 for what was not told.</summary>
internal sealed class ConntrackLevel : INetlinkSink
{
    public long Entries { get; set; } = -1;

    public long Limit { get; set; } = -1;

    public void Begin() => Entries = Limit = -1;

    public bool Take(in NetlinkMessage message)
    {
        Span<long> values = stackalloc long[Ctnetlink.CTA_STATS_GLOBAL_MAX_ENTRIES + 1];
        if (!ConntrackMessage.TryParse(message, ConntrackMessage.Global, values, out _))
            return false;
        Entries = values[Ctnetlink.CTA_STATS_GLOBAL_ENTRIES];
        Limit = values[Ctnetlink.CTA_STATS_GLOBAL_MAX_ENTRIES];
        return true;
    }
}
