using System.Collections.Frozen;
using Collector.Core.Events;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>A drop for people: <c>enum skb_drop_reason</c> (include/net/dropreason-core.h) in words.</summary>
internal static class DropWords
{
    private static readonly FrozenDictionary<string, string> Words = new Dictionary<string, string>
    {
        ["NO_SOCKET"] = "no socket",
        ["SOCKET_RCVBUFF"] = "the socket's receive buffer is full",
        ["SOCKET_BACKLOG"] = "the socket's backlog is full",
        ["PROTO_MEM"] = "the protocol's memory is used up",
        ["NOMEM"] = "no memory",
        ["NETFILTER_DROP"] = "a rule of the firewall",
        ["SOCKET_FILTER"] = "the socket's filter",
        ["BPF_CGROUP_EGRESS"] = "an eBPF program of the cgroup",
        ["TC_INGRESS"] = "a tc rule",
        ["TC_EGRESS"] = "a tc rule",
        ["XDP"] = "an XDP program",
        ["XFRM_POLICY"] = "an IPsec policy",
        ["IP_RPFILTER"] = "the way back leads elsewhere (rp_filter)",
        ["IP_INNOROUTES"] = "no route",
        ["IP_OUTNOROUTES"] = "no route",
        ["NEIGH_FAILED"] = "the neighbour does not answer",
        ["NEIGH_QUEUEFULL"] = "too many wait for the neighbour's answer",
        ["QDISC_DROP"] = "the queue of the interface is full",
        ["CPU_BACKLOG"] = "the CPU's backlog is full",
        ["FULL_RING"] = "the device's ring is full",
        ["PKT_TOO_BIG"] = "larger than the MTU",
        ["TCP_CSUM"] = "wrong checksum",
        ["UDP_CSUM"] = "wrong checksum",
        ["IP_CSUM"] = "wrong checksum",
        ["TCP_ZEROWINDOW"] = "the receive window is closed",
        ["TCP_OVERWINDOW"] = "beyond the receive window",
    }.ToFrozenDictionary();

    // Somebody wants them dropped; before 5.17 the function tells.
    private static readonly FrozenSet<string> Rules = FrozenSet.Create(
        "NETFILTER_DROP", "SOCKET_FILTER", "BPF_CGROUP_EGRESS", "TC_INGRESS", "TC_EGRESS", "XDP", "XFRM_POLICY",
        "nf_hook_slow", "nf_hook_slow_list");

    /// <summary>Why it was dropped, and where.</summary>
    /// <param name="reason">The kernel's name for it; without one, the function's.</param>
    /// <param name="place">The place in the kernel, which begins with the function.</param>
    public static string Why(string reason, string place) =>
        Words.GetValueOrDefault(reason) is { } words ? $"{words} ({reason} in {place})" : $"{reason} in {place}";

    /// <summary>
    /// A connection that does not come about is an error, unless a rule wants it so. What else is lost or refused
    /// protocols mend.
    /// </summary>
    /// <param name="usual">That of the kind.</param>
    /// <param name="tcpFlags">Of the packet; 0 for one that is not TCP.</param>
    /// <param name="reason">The kernel's name for it; without one, the function's.</param>
    public static EventSeverity Severity(EventSeverity usual, byte tcpFlags, string reason) =>
        TcpFlags.Opens(tcpFlags) && !Rules.Contains(reason) ? EventSeverity.Error : usual;
}
