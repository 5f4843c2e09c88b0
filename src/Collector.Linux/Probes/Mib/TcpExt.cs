using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Linux's own TCP counters per namespace, both address families together: the evidence of each fault that has one.
/// With <c>include: all</c> every counter that the kernel prints, MPTCP's included.
/// </summary>
internal sealed class TcpExt(ProbeHost host, ProbeSettings settings) : MibProbe(Spec, host, settings)
{
    private static readonly MibSpec Spec = new(
        "tcpext", "TCP trouble: listen overflows, timeouts, aborts, memory pressure, refused segments.",
        "/proc/net/netstat, TcpExt and MPTcpExt (net/ipv4/proc.c snmp4_net_list)",
        [
            new MibSectionRule("TcpExt", "netlens.tcpext.") { Drop = "TCP" },
            new MibSectionRule("MPTcpExt", "netlens.tcpext.mptcp.") { Drop = "MPTCP" },
        ],
        [
            Count("ListenDrops", Units.Connections,
                "Connection requests dropped at a listening socket, for any reason"),
            Count("ListenOverflows", Units.Connections,
                "Connection requests dropped because the accept queue was full"),
            Count("TCPReqQFullDrop", Units.Connections, "Connection requests dropped because the SYN queue was full"),
            Count("TCPReqQFullDoCookies", Units.Connections,
                "Connection requests answered by SYN cookies because the SYN queue was full"),
            Count("SyncookiesSent", Units.Segments, "SYN cookies sent"),
            Count("SyncookiesRecv", Units.Segments, "SYN cookies received"),
            Extra("SyncookiesFailed", Units.Segments, "Invalid SYN cookies received"),
            Count("TCPDeferAcceptDrop", Units.Segments,
                "Bare ACKs of a handshake not taken because of TCP_DEFER_ACCEPT"),
            Count("TCPMigrateReqFailure", Units.Connections,
                "Connection requests lost when their SO_REUSEPORT listener closed"),
            Extra("TCPFastOpenListenOverflow", Units.Connections,
                "Fast Open requests refused because too many were pending"),
            Extra("TCPFastOpenBlackhole", Units.Events, "Times Fast Open was given up because the path swallowed it"),
            Count("EmbryonicRsts", Units.Segments, "Resets received for half-open connections"),
            Count("TCPSynRetrans", Units.Segments, "SYN and SYN-ACK segments sent again"),
            Count("TCPTimeouts", Units.Events, "Retransmission timeouts, unanswered SYNs included"),
            Count("TCPRetransFail", Units.Segments, "Retransmissions that the lower layers refused"),
            Count("TCPLossProbes", Units.Segments, "Tail loss probes sent"),
            Extra("TCPSACKReorder", Units.Events, "Reordering found by selective acknowledgements"),
            Count("TCPDSACKRecv", Units.Segments,
                "Duplicates that the peer reported: segments sent again needlessly"),
            Count("TCPSpuriousRtxHostQueues", Units.Segments,
                "Retransmissions held back because the first copy had not left this host yet"),
            Count("TCPSACKReneging", Units.Events, "Times that a peer took back a selective acknowledgement"),
            Extra("TCPDeliveredCE", Units.Segments, "Segments delivered with a congestion mark"),
            Count("TCPChallengeACK", Units.Segments, "Challenge ACKs sent"),
            Count("TCPSYNChallenge", Units.Segments, "Challenge ACKs sent for a SYN on an open connection"),
            Count("BeyondWindow", Units.Segments, "Segments refused because they lay beyond the window"),
            Count("TCPAbortOnClose", Units.Connections, "Connections reset at close because unread data remained"),
            Count("TCPAbortOnData", Units.Connections,
                "Connections reset because data came after close or SO_LINGER was 0"),
            Count("TCPAbortOnLinger", Units.Connections, "Connections aborted in FIN_WAIT2 because of TCP_LINGER2"),
            Count("TCPAbortOnMemory", Units.Connections, "Connections reset for lack of memory or too many orphans"),
            Count("TCPAbortOnTimeout", Units.Connections,
                "Connections given up after the last keepalive, probe or retransmission"),
            Count("TCPToZeroWindowAdv", Units.Events, "Times that the receive window was closed to the peer"),
            Count("TCPWantZeroWindowAdv", Units.Events,
                "Times that a closed window was wanted and could not be told"),
            Count("TCPZeroWindowDrop", Units.Segments, "Segments dropped because the receive window was zero"),
            Count("TCPWinProbe", Units.Segments, "Window probes sent"),
            Count("PruneCalled", Units.Events, "Times that a receive queue was over its memory and had to be pruned"),
            Count("RcvPruned", Units.Segments,
                "Segments dropped because pruning a receive queue did not free enough"),
            Count("OfoPruned", Units.Events,
                "Times that the queue of segments out of order was thrown away for lack of memory"),
            Extra("TCPRcvCollapsed", Units.Segments, "Segments merged in a receive queue to save memory"),
            Count("TCPRcvQDrop", Units.Segments, "Segments dropped because the receive queue was out of memory"),
            Count("TCPOFODrop", Units.Segments, "Segments out of order dropped for lack of memory"),
            Count("TCPBacklogDrop", Units.Segments, "Segments dropped because the socket's backlog was full"),
            Count("TCPMemoryPressures", Units.Events, "Times that TCP came under memory pressure"),
            Count("TCPTimeWaitOverflow", Units.Sockets, "Sockets that found no place in TIME_WAIT"),
            Count("PAWSEstab", Units.Segments, "Segments of connections refused for an old timestamp"),
            Count("PAWSTimewait", Units.Segments, "SYNs to TIME_WAIT refused for an old timestamp"),
            Count("PAWSOldAck", Units.Segments, "Old ACKs refused for an old timestamp"),
            Count("TSEcrRejected", Units.Segments,
                "Segments refused because they echoed a timestamp that was never sent"),
            Extra("TWRecycled", Units.Sockets,
                "Sockets taken out of TIME_WAIT early for a new connection of the same addresses"),
            Extra("TCPMTUPFail", Units.Events, "Path MTU probes lost"),
            Count("IPReversePathFilter", Units.Packets, "Packets dropped by the reverse path filter"),
            Extra("TCPFastRetrans", Units.Segments, "Segments sent again before a timeout"),
            Extra("TCPLossProbeRecovery", Units.Events, "Losses mended by a tail loss probe"),
            Extra("TCPTSReorder", Units.Events, "Reordering found by timestamps"),
            Extra("TCPSpuriousRTOs", Units.Events, "Retransmission timeouts that proved needless"),
            Extra("TCPFullUndo", Units.Events, "Times that all of a recovery proved needless"),
            Extra("TCPLostRetransmit", Units.Segments, "Retransmissions lost again"),
            Extra("TCPAbortFailed", Units.Segments, "Resets that could not be sent"),
            Extra("TCPFastOpenPassiveFail", Units.Connections, "Fast Open requests that the server refused"),
            Extra("TCPACKSkippedSynRecv", Units.Segments, "ACKs not sent in SYN_RECV because of the rate limit"),
            Extra("TCPACKSkippedPAWS", Units.Segments, "ACKs for old timestamps not sent because of the rate limit"),
            Extra("TCPACKSkippedSeq", Units.Segments,
                "ACKs for segments outside the window not sent because of the rate limit"),
            Extra("TCPACKSkippedFinWait2", Units.Segments, "ACKs not sent in FIN_WAIT2 because of the rate limit"),
            Extra("TCPACKSkippedTimeWait", Units.Segments, "ACKs not sent in TIME_WAIT because of the rate limit"),
            Extra("TCPACKSkippedChallenge", Units.Segments, "Challenge ACKs not sent because of the rate limit"),
            Extra("TCPMemoryPressuresChrono", Units.Seconds, "Time that TCP was under memory pressure") with
            {
                // The kernel prints milliseconds.
                Name = "memory_pressure.duration",
                Scale = 0.001,
            },
            Extra("PAWSActive", Units.Segments, "Segments refused in SYN_SENT for an old timestamp"),
            Extra("TCPKeepAlive", Units.Segments, "Keepalive probes sent"),
            Extra("TCPMTUPSuccess", Units.Events, "Path MTU probes acknowledged"),
            Extra("PFMemallocDrop", Units.Packets, "Packets from memory reserves dropped"),
            Extra("TCPWqueueTooBig", Units.Events, "Splits refused because the write queue was too big"),
            Extra("TW", Units.Sockets, "Sockets that left TIME_WAIT in time") with { Name = "time_wait.expired" },
            Extra("TCPOFOQueue", Units.Segments, "Segments received out of order"),
            Extra("TCPDelivered", Units.Segments, "Segments delivered to the peer, SYN included"),
            Extra("TCPOrigDataSent", Units.Segments, "Data segments sent, retransmissions excluded"),
        ]);

    public static new ProbeInfo Info => Spec.Info;

    /// <inheritdoc cref="MibSpec.Of"/>
    public static Metric Of(string section, string counter) => Spec.Of(section, counter);

    /// <summary>One that matters.</summary>
    private static MibCounter Count(string counter, string unit, string description) =>
        Extra(counter, unit, description) with { Optional = false };

    private static MibCounter Extra(string counter, string unit, string description) =>
        new("TcpExt", counter, unit, $"{description} (TcpExt {counter}).") { Optional = true };
}
