using System.Collections.Frozen;

namespace Collector.Linux.Probes.Drops;

/// <summary>What a drop means to those who sent and awaited the packet.</summary>
internal enum DropOutcome
{
    /// <summary>Nobody was told.</summary>
    Lost,

    /// <summary>The sender was told: by a reset or an ICMP error.</summary>
    Refused,

    /// <summary>Nothing is missing: the packet met a connection that ends, or it was there already.</summary>
    Orderly,

    /// <summary>The settings call it no loss: it is not counted.</summary>
    Ignored,
}

/// <summary>What drops have in common that mean the same.</summary>
/// <param name="Location">Return address in the function that freed the packet.</param>
/// <param name="Reason">The kernel's reason; 0 where it gives none.</param>
/// <param name="Trait">What the kernel side saw of the packet.</param>
internal readonly record struct DropCase(ulong Location, uint Reason, DropTrait Trait);

/// <summary>
/// Tells lost packets from others. What the kernel side has seen goes first (an answer was sent, the connection was in
/// TIME_WAIT); else the kernel's reason tells, and without a particular one the function.
/// </summary>
internal static class DropOutcomes
{
    private static readonly FrozenSet<string> RefusedReasons = FrozenSet.Create(
        // Answered by a reset, or by ICMP: no such port, protocol or neighbour; too big to go on.
        "NO_SOCKET", "TCP_ABORT_ON_DATA", "IP_NOPROTO", "NEIGH_FAILED", "PKT_TOO_BIG");

    private static readonly FrozenSet<string> OrderlyReasons = FrozenSet.Create(
        "SKB_CONSUMED", "QUEUE_PURGE", "SOCKET_CLOSE", "TCP_CLOSE", "TCP_RESET",
        // Here before, or behind what is here; acknowledged (once more) where that helps.
        "TCP_OLD_DATA", "TCP_OFOMERGE", "TCP_OLD_SEQUENCE", "TCP_OLD_ACK", "TCP_TOO_OLD_ACK", "TCP_RFC7323_PAWS_ACK",
        "DUP_FRAG");

    // Of IPv6 no tracepoint tells that an ICMP error was sent.
    private static readonly FrozenSet<(string Function, string Reason)> RefusedPlaces = FrozenSet.Create(
        ("ip6_pkt_drop", ""), ("ip6_pkt_drop", "IP_INNOROUTES"), ("ip6_pkt_drop", "IP_OUTNOROUTES"),
        ("ip6_forward", "IP_INHDR"), ("arp_error_report", ""), ("ndisc_error_report", ""),
        // Whose last call is theirs.
        ("neigh_invalidate", ""));

    /// <summary>What a drop means.</summary>
    /// <param name="function">The function that freed the packet.</param>
    /// <param name="reason">The kernel's reason; empty where it gives none in particular.</param>
    /// <param name="trait">What the kernel side saw.</param>
    public static DropOutcome Of(string function, string reason, DropTrait trait) => trait switch
    {
        DropTrait.Answered => DropOutcome.Refused,
        DropTrait.Closing => DropOutcome.Orderly,
        // It ends what is over, and nobody answers it.
        DropTrait.Reset when reason.Length > 0 || IsTcp(function) => DropOutcome.Orderly,
        // Where the kernel does not show the socket: one in TIME_WAIT, else it would be sent again.
        DropTrait.Fin when reason.Length == 0 && IsTcpReceive(function) => DropOutcome.Orderly,
        _ => Of(function, reason),
    };

    /// <summary>True where only the packet tells: what is lost and what is not have such reasons alike.</summary>
    /// <param name="reason">The kernel's reason; empty where it gives none in particular.</param>
    public static bool NeedsLook(string reason) =>
        reason is "" or "NO_SOCKET" || reason.StartsWith("TCP_", StringComparison.Ordinal);

    private static DropOutcome Of(string function, string reason) =>
        OrderlyReasons.Contains(reason) ? DropOutcome.Orderly
        // Multicast that nobody here has joined; what a program was tried with (BPF_PROG_TEST_RUN), and nobody sent.
        : (function, reason) is ("ip6_mc_input", "") or ("bpf_prog_test_run_skb", "") ? DropOutcome.Orderly
        : RefusedReasons.Contains(reason) || RefusedPlaces.Contains((function, reason)) ? DropOutcome.Refused
        : DropOutcome.Lost;

    /// <summary>A segment is handed to a connection, or there is none.</summary>
    private static bool IsTcpReceive(string function) => function is "tcp_v4_rcv" or "tcp_v6_rcv";

    private static bool IsTcp(string function) => function.StartsWith("tcp_", StringComparison.Ordinal);
}
