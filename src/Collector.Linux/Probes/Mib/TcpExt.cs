using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Linux's own TCP counters per namespace, both address families together; with <c>include: all</c> every one that the
/// kernel prints, MPTCP's included.
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
            Count("TCPSynRetrans", Units.Segments, "SYN and SYN-ACK segments sent again"),
            Count("TCPFastRetrans", Units.Segments, "Segments sent again before a timeout"),
            Count("TCPRetransFail", Units.Segments, "Retransmissions that the lower layers refused"),
            Count("TCPTimeouts", Units.Events, "Retransmission timeouts, unanswered SYNs included"),
            Count("TCPAbortOnClose", Units.Connections, "Connections reset at close because unread data remained"),
            Count("TCPAbortOnMemory", Units.Connections, "Connections reset for lack of memory or too many orphans"),
            Count("TCPAbortOnTimeout", Units.Connections,
                "Connections given up after the last keepalive, probe or retransmission"),
            Count("TCPAbortOnLinger", Units.Connections, "Connections aborted in FIN_WAIT2 because of TCP_LINGER2"),
            Count("TCPAbortOnData", Units.Connections,
                "Connections reset because data came after close or SO_LINGER was 0"),
            Count("TCPAbortFailed", Units.Segments, "Resets that could not be sent"),
            Count("TCPACKSkippedSynRecv", Units.Segments, "ACKs not sent in SYN_RECV because of the rate limit"),
            Count("TCPACKSkippedPAWS", Units.Segments, "ACKs for old timestamps not sent because of the rate limit"),
            Count("TCPACKSkippedSeq", Units.Segments,
                "ACKs for segments outside the window not sent because of the rate limit"),
            Count("TCPACKSkippedFinWait2", Units.Segments, "ACKs not sent in FIN_WAIT2 because of the rate limit"),
            Count("TCPACKSkippedTimeWait", Units.Segments, "ACKs not sent in TIME_WAIT because of the rate limit"),
            Count("TCPACKSkippedChallenge", Units.Segments, "Challenge ACKs not sent because of the rate limit"),
            Count("TCPRcvQDrop", Units.Segments, "Segments dropped because the receive queue was out of memory"),
            Count("TCPMemoryPressures", Units.Events, "Times that TCP came under memory pressure"),
            Count("TCPMemoryPressuresChrono", Units.Seconds, "Time that TCP was under memory pressure") with
            {
                // The kernel prints milliseconds.
                Name = "memory_pressure.duration",
                Scale = 0.001,
            },
            Count("PAWSActive", Units.Segments, "Segments refused in SYN_SENT for an old timestamp"),
            Count("PAWSEstab", Units.Segments, "Segments of connections refused for an old timestamp"),
            Count("EmbryonicRsts", Units.Segments, "Resets received for half-open connections"),
            Count("TCPWinProbe", Units.Segments, "Window probes sent"),
            Count("TCPKeepAlive", Units.Segments, "Keepalive probes sent"),
            Count("TCPMTUPFail", Units.Events, "Path MTU probes lost"),
            Count("TCPMTUPSuccess", Units.Events, "Path MTU probes acknowledged"),
            Count("TCPZeroWindowDrop", Units.Segments, "Segments dropped because the receive window was zero"),
            Count("TCPBacklogDrop", Units.Segments, "Segments dropped because the socket's backlog was full"),
            Count("PFMemallocDrop", Units.Packets, "Packets from memory reserves dropped"),
            Count("TCPWqueueTooBig", Units.Events, "Splits refused because the write queue was too big"),
            Extra("SyncookiesSent", Units.Segments, "SYN cookies sent"),
            Extra("SyncookiesRecv", Units.Segments, "SYN cookies received"),
            Extra("SyncookiesFailed", Units.Segments, "Invalid SYN cookies received"),
            Extra("TW", Units.Sockets, "Sockets that left TIME_WAIT in time") with { Name = "time_wait.expired" },
            Extra("TCPReqQFullDrop", Units.Connections, "Connection requests dropped because the SYN queue was full"),
            Extra("TCPReqQFullDoCookies", Units.Connections,
                "Connection requests answered by SYN cookies because the SYN queue was full"),
            Extra("TCPTimeWaitOverflow", Units.Sockets, "Sockets that found no place in TIME_WAIT"),
            Extra("TCPLostRetransmit", Units.Segments, "Retransmissions lost again"),
            Extra("TCPSpuriousRTOs", Units.Events, "Retransmission timeouts that proved needless"),
            Extra("TCPOFOQueue", Units.Segments, "Segments received out of order"),
            Extra("TCPDelivered", Units.Segments, "Segments delivered to the peer, SYN included"),
            Extra("TCPOrigDataSent", Units.Segments, "Data segments sent, retransmissions excluded"),
            Extra("IPReversePathFilter", Units.Packets, "Packets dropped by the reverse path filter"),
        ]);

    public static new ProbeInfo Info => Spec.Info;

    /// <summary>One that matters.</summary>
    private static MibCounter Count(string counter, string unit, string description) =>
        Extra(counter, unit, description) with { Optional = false };

    private static MibCounter Extra(string counter, string unit, string description) =>
        new("TcpExt", counter, unit, $"{description} (TcpExt {counter}).") { Optional = true };
}
