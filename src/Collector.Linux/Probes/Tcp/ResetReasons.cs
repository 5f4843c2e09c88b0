using Collector.Core.Events;

namespace Collector.Linux.Probes.Tcp;

/// <summary>Why a reset was sent, for people: <c>enum sk_rst_reason</c> (include/net/rstreason.h) in words.</summary>
internal static class ResetReasons
{
    /// <summary>Why a connection was ended by one, rather than closed in order.</summary>
    /// <param name="reason">The kernel's name; empty where it tells none.</param>
    public static string OfAnEnd(string reason) => reason switch
    {
        "" or "NOT_SPECIFIED" => "ended at once rather than in order",
        // What tcp_disconnect gives: close() of a socket with SO_LINGER 0, or connect() with AF_UNSPEC.
        "TCP_STATE" => "its application ended it at once (SO_LINGER of 0, or a disconnect)",
        "TCP_DISCONNECT_WITH_DATA" => "its application ended it at once, with data on the way",
        "TCP_ABORT_ON_CLOSE" => "its application closed it without reading what had arrived",
        "TCP_ABORT_ON_LINGER" => "its application closed it, and the peer did not in time",
        "TCP_ABORT_ON_MEMORY" => "the kernel ran short of memory for closed connections",
        "TCP_KEEPALIVE_TIMEOUT" => "the peer answered no keepalive",
        _ => OfASegment(reason),
    };

    /// <summary>Why a segment was answered with one.</summary>
    /// <param name="reason">The kernel's name; empty where it tells none.</param>
    public static string OfASegment(string reason) => reason switch
    {
        "" or "NOT_SPECIFIED" => "a segment did not fit",
        "NO_SOCKET" => "nobody listens there",
        "TCP_INVALID_ACK_SEQUENCE" => "a segment acknowledged what was never sent",
        "TCP_RFC7323_PAWS" => "a segment was too old (its timestamp)",
        "TCP_TOO_OLD_ACK" or "TCP_OLD_ACK" => "a segment acknowledged too little",
        "TCP_ACK_UNSENT_DATA" => "a segment acknowledged what was never sent",
        "TCP_FLAGS" => "a segment had flags that do not fit",
        "TCP_ABORT_ON_DATA" => "data arrived for a socket that its application had closed",
        "TCP_TIMEWAIT_SOCKET" => "a segment arrived for a connection that is over (TIME_WAIT)",
        "INVALID_SYN" => "a SYN arrived in an open connection",
        "TCP_STATE" => "a segment did not fit the state",
        "ERROR" => "an error that has no name",
        _ => $"the kernel calls it {reason}",
    };

    /// <summary>How bad the end of a connection is that was sent: an error where nobody wanted it.</summary>
    /// <param name="reason">The kernel's name; empty where it tells none.</param>
    public static EventSeverity SeverityOfAnEnd(string reason) => reason is "TCP_ABORT_ON_MEMORY"
        or "TCP_KEEPALIVE_TIMEOUT" ? EventSeverity.Error : EventSeverity.Warn;

    /// <summary>
    /// How bad a reset is that was received: an error where a connection was refused to us, nothing where it was over
    /// or never begun.
    /// </summary>
    /// <param name="state">The connection's state before it.</param>
    public static EventSeverity SeverityOfReceived(string state) => state switch
    {
        "syn_sent" => EventSeverity.Error,
        "syn_received" or "time_wait" or "last_ack" or "closing" => EventSeverity.Info,
        _ => EventSeverity.Warn,
    };
}
