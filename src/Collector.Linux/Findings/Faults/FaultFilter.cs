using System.Buffers.Binary;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;

namespace Collector.Linux.Findings.Faults;

/// <summary>Rules of a namespace's firewall for IPv4 that comes in, made as nft(8) makes them.</summary>
internal static class FaultFilter
{
    private const string Table = "selftest";
    private const string Chain = "in";

    /// <summary>A rule that drops all.</summary>
    public static void DropAll(this FaultNamespace ns) => ns.Run(() =>
        Make("make a rule that drops", Expression("immediate")
            .Attribute(Nftables.NFTA_IMMEDIATE_DREG, Number(Nftables.NFT_REG_VERDICT))
            .Begin(Nftables.NFTA_IMMEDIATE_DATA).Begin(Nftables.NFTA_DATA_VERDICT)
            .Attribute(Nftables.NFTA_VERDICT_CODE, Number(Nftables.NF_DROP)).End().End()));

    /// <summary>A rule that looks at the state of connections, which makes the kernel track them.</summary>
    public static void Track(this FaultNamespace ns) => ns.Run(() =>
        Make("make a rule about states of connections", Expression("ct")
            .Attribute(Nftables.NFTA_CT_DREG, Number(Nftables.NFT_REG_1))
            .Attribute(Nftables.NFTA_CT_KEY, Number(Nftables.NFT_CT_STATE))));

    // With all that is to be ended open.
    private static NetlinkRequest Expression(string name) =>
        Part(Nftables.NFT_MSG_NEWRULE, Rtnl.NLM_F_CREATE | Rtnl.NLM_F_APPEND | Rtnl.NLM_F_ACK)
            .Attribute(Nftables.NFTA_RULE_TABLE, FaultNetwork.Text(Table))
            .Attribute(Nftables.NFTA_RULE_CHAIN, FaultNetwork.Text(Chain))
            .Begin(Nftables.NFTA_RULE_EXPRESSIONS).Begin(Nftables.NFTA_LIST_ELEM)
            .Attribute(Nftables.NFTA_EXPR_NAME, FaultNetwork.Text(name)).Begin(Nftables.NFTA_EXPR_DATA);

    // nfnetlink takes rules only between a begin and an end.
    private static void Make(string what, NetlinkRequest rule) => NetlinkRequest.SendAll(
        what,
        Edge(Nftables.NFNL_MSG_BATCH_BEGIN),
        Part(Nftables.NFT_MSG_NEWTABLE, Rtnl.NLM_F_CREATE)
            .Attribute(Nftables.NFTA_TABLE_NAME, FaultNetwork.Text(Table)),
        Part(Nftables.NFT_MSG_NEWCHAIN, Rtnl.NLM_F_CREATE)
            .Attribute(Nftables.NFTA_CHAIN_TABLE, FaultNetwork.Text(Table))
            .Attribute(Nftables.NFTA_CHAIN_NAME, FaultNetwork.Text(Chain))
            .Begin(Nftables.NFTA_CHAIN_HOOK)
            .Attribute(Nftables.NFTA_HOOK_HOOKNUM, Number(Nftables.NF_INET_LOCAL_IN))
            .Attribute(Nftables.NFTA_HOOK_PRIORITY, Number(0)).End()
            .Attribute(Nftables.NFTA_CHAIN_TYPE, FaultNetwork.Text("filter")),
        rule.End().End().End(),
        Edge(Nftables.NFNL_MSG_BATCH_END));

    private static NetlinkRequest Part(ushort message, int flags) => NetlinkRequest.Part(
        "", (ushort)((Nftables.NFNL_SUBSYS_NFTABLES << 8) | message), (ushort)flags,
        new nfgenmsg { nfgen_family = Nftables.NFPROTO_IPV4 });

    private static NetlinkRequest Edge(ushort message) => NetlinkRequest.Part(
        "", message, 0, new nfgenmsg { res_id = BinaryPrimitives.ReverseEndianness(Nftables.NFNL_SUBSYS_NFTABLES) });

    private static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
