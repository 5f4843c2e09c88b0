using System.Collections.Frozen;

namespace Collector.Linux.Probes.Drops;

/// <summary>Where on its way through a namespace an IP packet was dropped.</summary>
internal enum DropStage
{
    /// <summary>It began here: nothing that came in.</summary>
    Sent,

    /// <summary>It came in, and IP has not seen it: XDP, tc, the backlog of a processor.</summary>
    Device,

    /// <summary>It was passed on, by IP or a bridge, and the device that it was to leave by did not take it.</summary>
    Link,

    /// <summary>IP refused it, and has a counter of its own for that.</summary>
    Counted,

    /// <summary>IP refused it and has no counter of that: martians, policies.</summary>
    Uncounted,

    /// <summary>IP refused it, for no particular reason; it may have a counter of that.</summary>
    Unnamed,

    /// <summary>A netfilter rule.</summary>
    Netfilter,

    /// <summary>It was to be forwarded: too big, no next hop.</summary>
    Onward,

    /// <summary>A fragment that was not put together with others.</summary>
    Fragment,

    /// <summary>The last segment of a handshake that found the accept queue full.</summary>
    Listen,

    /// <summary>IP has delivered it: TCP, UDP, ICMP or a socket.</summary>
    Transport,
}

/// <summary>
/// Tells stages apart by the kernel's reason, and without a particular one by the function that dropped the packet.
/// </summary>
internal static class DropStages
{
    /// <summary>Columns of a table with every stage: lost, refused, orderly of each.</summary>
    public const int Columns = ((int)DropStage.Transport + 1) * Outcomes;

    private const int Outcomes = 3;

    private static readonly FrozenDictionary<string, DropStage> ByReason = new Dictionary<string, DropStage>
    {
        ["CPU_BACKLOG"] = DropStage.Device,
        ["XDP"] = DropStage.Device,
        ["TC_INGRESS"] = DropStage.Device,
        ["TC_CHAIN_NOTFOUND"] = DropStage.Device,
        ["TC_COOKIE_ERROR"] = DropStage.Device,
        ["TC_RECLASSIFY_LOOP"] = DropStage.Device,
        ["OTHERHOST"] = DropStage.Device,
        ["UNHANDLED_PROTO"] = DropStage.Device,
        ["PACKET_SOCK_ERROR"] = DropStage.Device,
        ["MAC_INVALID_SOURCE"] = DropStage.Device,
        ["LOCAL_MAC"] = DropStage.Device,
        ["BRIDGE_INGRESS_STP_STATE"] = DropStage.Device,
        ["TC_EGRESS"] = DropStage.Link,
        ["DEV_HDR"] = DropStage.Link,
        ["DEV_READY"] = DropStage.Link,
        ["FULL_RING"] = DropStage.Link,
        ["TAP_FILTER"] = DropStage.Link,
        ["TAP_TXFILTER"] = DropStage.Link,
        ["SKB_GSO_SEG"] = DropStage.Link,
        ["NO_TX_TARGET"] = DropStage.Link,
        ["TUNNEL_TXINFO"] = DropStage.Link,
        ["RECURSION_LIMIT"] = DropStage.Link,
        ["IP_CSUM"] = DropStage.Counted,
        ["IP_INHDR"] = DropStage.Counted,
        ["IP_RPFILTER"] = DropStage.Counted,
        ["IP_NOPROTO"] = DropStage.Counted,
        ["IP_INADDRERRORS"] = DropStage.Counted,
        ["IP_INNOROUTES"] = DropStage.Counted,
        ["IPV6DISABLED"] = DropStage.Counted,
        ["IPV6_BAD_EXTHDR"] = DropStage.Counted,
        ["PKT_TOO_SMALL"] = DropStage.Counted,
        ["IP_LOCAL_SOURCE"] = DropStage.Uncounted,
        ["IP_INVALID_SOURCE"] = DropStage.Uncounted,
        ["IP_LOCALNET"] = DropStage.Uncounted,
        ["IP_INVALID_DEST"] = DropStage.Uncounted,
        ["UNICAST_IN_L2_MULTICAST"] = DropStage.Uncounted,
        ["NETFILTER_DROP"] = DropStage.Netfilter,
        ["PKT_TOO_BIG"] = DropStage.Onward,
        ["IP_OUTNOROUTES"] = DropStage.Onward,
        ["BPF_CGROUP_EGRESS"] = DropStage.Onward,
        ["DUP_FRAG"] = DropStage.Fragment,
        ["FRAG_REASM_TIMEOUT"] = DropStage.Fragment,
        ["FRAG_TOO_FAR"] = DropStage.Fragment,
        ["TCP_LISTEN_OVERFLOW"] = DropStage.Listen,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly (string Prefix, DropStage Stage)[] ReasonPrefixes =
    [
        ("QDISC_", DropStage.Link), ("CAKE_", DropStage.Link), ("FQ_", DropStage.Link), ("DUALPI2_", DropStage.Link),
        ("NEIGH_", DropStage.Onward), ("OPENVSWITCH_", DropStage.Device), ("OVS_", DropStage.Device),
    ];

    // The first that fits.
    private static readonly (string Prefix, DropStage Stage)[] FunctionPrefixes =
    [
        ("nf_ct_frag6", DropStage.Fragment), ("ip_defrag", DropStage.Fragment), ("ip_frag", DropStage.Fragment),
        ("ip_expire", DropStage.Fragment), ("inet_frag", DropStage.Fragment), ("ipv6_frag", DropStage.Fragment),
        ("ip6_frag", DropStage.Fragment), ("nf_", DropStage.Netfilter), ("nft_", DropStage.Netfilter),
        ("nfqnl_", DropStage.Netfilter), ("ipt_", DropStage.Netfilter), ("ip6t_", DropStage.Netfilter),
        ("ip_rcv", DropStage.Unnamed), ("ip_list_rcv", DropStage.Unnamed), ("ip_sublist_rcv", DropStage.Unnamed),
        ("ip_error", DropStage.Unnamed), ("ip_local_deliver", DropStage.Unnamed),
        ("ip_protocol_deliver", DropStage.Unnamed), ("ip6_rcv", DropStage.Unnamed),
        ("ipv6_rcv", DropStage.Unnamed), ("ipv6_list_rcv", DropStage.Unnamed), ("ip6_input", DropStage.Unnamed),
        ("ip6_mc_input", DropStage.Unnamed), ("ip6_pkt_", DropStage.Unnamed),
        ("ip6_protocol_deliver", DropStage.Unnamed), ("dst_discard", DropStage.Unnamed),
        ("ip_forward", DropStage.Unnamed), ("ip6_forward", DropStage.Unnamed), ("ip_mr_", DropStage.Unnamed),
        ("ip6_mr_", DropStage.Unnamed), ("ip_output", DropStage.Unnamed), ("ip_finish", DropStage.Unnamed),
        ("ip6_output", DropStage.Unnamed), ("ip6_finish", DropStage.Unnamed), ("ip_do_fragment", DropStage.Unnamed),
        ("ip6_fragment", DropStage.Unnamed), ("neigh_", DropStage.Unnamed), ("arp_error", DropStage.Unnamed),
        ("ndisc_error", DropStage.Unnamed), ("enqueue_to_backlog", DropStage.Device),
        ("__netif_receive", DropStage.Device), ("netif_receive", DropStage.Device), ("do_xdp", DropStage.Device),
        ("sch_handle_ingress", DropStage.Device), ("__dev_", DropStage.Link), ("dev_", DropStage.Link),
        ("sch_", DropStage.Link), ("validate_xmit", DropStage.Link), ("br_", DropStage.Link), ("tun_", DropStage.Link),
        ("veth_", DropStage.Link), ("kfree_skb_list", DropStage.Link),
    ];

    /// <summary>Where a packet was dropped.</summary>
    /// <param name="function">The function that freed it.</param>
    /// <param name="reason">The kernel's reason; empty where it gives none in particular.</param>
    /// <param name="received">It came in by a device.</param>
    public static DropStage Of(string function, string reason, bool received)
    {
        var stage = Of(function, reason);
        return received || stage is DropStage.Device ? stage : DropStage.Sent;
    }

    /// <summary>The column of a stage's drops with one outcome.</summary>
    public static int Column(DropStage stage, DropOutcome outcome) =>
        ((int)stage * Outcomes) + Math.Min((int)outcome, Outcomes - 1);

    private static DropStage Of(string function, string reason)
    {
        if (reason.Length == 0)
            return ByPrefix(FunctionPrefixes, function) ?? DropStage.Transport;
        if (reason == "XFRM_POLICY")
        {
            // TCP, UDP and raw sockets ask as well, of what IP has delivered.
            var where = ByPrefix(FunctionPrefixes, function);
            return where is DropStage.Unnamed ? DropStage.Uncounted : DropStage.Transport;
        }
        return ByReason.TryGetValue(reason, out var stage)
            ? stage
            : ByPrefix(ReasonPrefixes, reason) ?? DropStage.Transport;
    }

    private static DropStage? ByPrefix((string Prefix, DropStage Stage)[] prefixes, string text)
    {
        foreach (var (prefix, stage) in prefixes)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                return stage;
        }
        return null;
    }
}
