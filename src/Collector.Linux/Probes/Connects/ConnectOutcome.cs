using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Connects;

/// <summary>How a connect ended: its names and words.</summary>
internal static class ConnectOutcome
{
    // enum cause in ebpf-programs/include/cause.h
    public const int Established = 0;
    public const int Refused = 1;
    public const int TimedOut = 2;
    public const int NoRoute = 3;
    public const int HostUnreachable = 4;
    public const int NoFreePort = 5;
    public const int PortInUse = 6;
    public const int Rejected = 7;
    public const int Reset = 8;
    public const int Aborted = 9;

    private const int Failed = 0x20; // NUD_FAILED

    private static readonly string[] Names =
    [
        "established", "refused", "timed_out", "no_route", "host_unreachable", "no_free_port", "port_in_use",
        "rejected", "reset", "aborted", "other",
    ];

    private static readonly string[] PortClasses = ["dns", "http", "https", "system", "registered", "dynamic"];

    /// <summary>The value of netlens.connect.outcome.</summary>
    public static string Name(int cause) => Names[cause];

    /// <summary>The value of netlens.peer.port_class; enum port_class in connect.bpf.c.</summary>
    public static string PortClass(int number) => PortClasses[number];

    /// <summary>The value of netlens.neighbour.state; null where the next hop's address was known.</summary>
    public static string? Neighbour(in ConnectEvent e) =>
        e.NextHopFamily == 0 ? null : e.Neighbour == Failed ? "failed" : "incomplete";

    /// <summary>What the caller got, as C names it; null: nothing, or nobody can tell.</summary>
    public static string? Error(in ConnectEvent e) => e.Cause switch
    {
        NoFreePort or PortInUse => nameof(EADDRNOTAVAIL),
        _ when e.Error == 0 => null,
        _ => ((Errno)e.Error).ToString(),
    };

    /// <summary>Who gives up may have had another address to try.</summary>
    public static EventSeverity Severity(in ConnectEvent e) =>
        e.Cause == Aborted ? EventSeverity.Warn : EventSeverity.Error;

    public static string DescribeFailure(in ConnectEvent e, EventParties parties) =>
        $"{parties.Local} could not connect to {parties.Remote}{After(e)}: {Why(e)}";

    public static string DescribeSlow(in ConnectEvent e, EventParties parties) =>
        $"{parties.Local} connected to {parties.Remote} in {Time(e.Duration)}: {WhySlow(e)}";

    private static string Why(in ConnectEvent e) => e.Cause switch
    {
        Refused => "nobody listens there, it answered with a reset",
        TimedOut => $"no answer to {Syns(e)}{NextHop(e)}",
        NoRoute when e.Duration == 0 => "no route leads there",
        NoRoute => "a router has no route",
        HostUnreachable when e.NextHopFamily != 0 => $"the next hop {e.Unresolved} does not answer {Protocol(e)}",
        HostUnreachable => "a router or a rule says that the host cannot be reached",
        NoFreePort => "every local port to there is in use (ip_local_port_range)",
        PortInUse => "the local port is in use for the same connection",
        Rejected => Rejection(e),
        Reset => "both ends connected to each other, then came a reset",
        Aborted when e.Error != 0 => "an administrator ended it",
        Aborted => $"the caller gave up, no answer to {Syns(e)}{NextHop(e)}",
        _ => Error(e) ?? "the kernel could not send",
    };

    private static string Rejection(in ConnectEvent e) =>
        e.Error == ETIMEDOUT ? $"a rule on this node does not let {Syns(e)} out"
        : e.Error == ECONNREFUSED ? "a rule refuses it (ICMP: port unreachable)"
        : e.Duration == 0 ? "its route prohibits it"
        : e.Icmp != 0 ? $"a rule prohibits it (ICMP: code {e.IcmpCode})"
        : "a rule prohibits it (ICMP)";

    private static string WhySlow(in ConnectEvent e) =>
        e.NextHopFamily != 0 ? $"the next hop {e.Unresolved} did not answer {Protocol(e)} at first"
        : e.Retransmits > 0 ? $"it took {Syns(e)}"
        : "the answer to the SYN came late";

    private static string NextHop(in ConnectEvent e) =>
        e.NextHopFamily == 0 ? "" : $", the next hop {e.Unresolved} does not answer {Protocol(e)}";

    private static string Protocol(in ConnectEvent e) => e.NextHopFamily == 4 ? "ARP" : "neighbour discovery";

    private static string Syns(in ConnectEvent e) => e.Retransmits == 0 ? "the SYN" : $"{e.Retransmits + 1} SYNs";

    private static string After(in ConnectEvent e) => e.Duration == 0 ? "" : $" after {Time(e.Duration)}";

    private static string Time(long nanoseconds) => $"{Durations.Milliseconds(nanoseconds)} ms";
}
