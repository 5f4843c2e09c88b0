using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Sockets;

/// <summary>The kinds of events of data that waited in sockets, and how a record becomes one.</summary>
internal static class SocketLatencyKinds
{
    // enum direction
    public const byte Reads = 0;

    /// <summary>Threshold of older exporters, nanoseconds: LEGACY_LEAST.</summary>
    public const ulong LegacyLeast = 1_000_000;

    // enum role
    private static readonly string[] Roles = ["connected", "accepted"];

    internal static readonly EventInfo ReadInfo = new()
    {
        Name = "netlens.socketlatency.slow_read",
        Severity = EventSeverity.Warn,
        Description = "Data were ready in a TCP socket for longer than the threshold before the application read them; "
            + "the process read them.",
        Fields = [new("netlens.socketlatency.duration"), new("netlens.socket.role")],
        IsTimed = true,
    };

    internal static readonly EventInfo WriteInfo = new()
    {
        Name = "netlens.socketlatency.slow_write",
        Severity = EventSeverity.Warn,
        Description = "Written data waited in a TCP socket for longer than the threshold before they were sent for the "
            + "first time; the process wrote them.",
        Fields =
        [
            new("netlens.socketlatency.duration"), new("netlens.socket.role"), new("netlens.socketlatency.limit"),
        ],
        IsTimed = true,
    };

    private static readonly EventKind<SocketLatencyEvent> Read = Kind(
        ReadInfo, "read by", DescribeRead, static (in e) => [e.Duration, Role(e.Role)]);

    private static readonly EventKind<SocketLatencyEvent> Write = Kind(
        WriteInfo, "written by", DescribeWrite,
        static (in e) => [e.Duration, Role(e.Role), e.Window != 0 ? "receive_window" : default(TagValue?)]);

    public static EventKind<SocketLatencyEvent> Of(in SocketLatencyEvent e) => e.Direction == Reads ? Read : Write;

    /// <summary>The value of netlens.socket.role.</summary>
    public static string Role(int role) => Roles[role];

    /// <summary>What is limited together.</summary>
    public static EventKey? KeyOf(SocketLatencyKey key) =>
        new(key.Direction == Reads ? ReadInfo : WriteInfo, key.Netns, key.Role);

    private static EventKind<SocketLatencyEvent> Kind(
        EventInfo info, string who, MessageOf<SocketLatencyEvent> message,
        OfRecord<SocketLatencyEvent, TagValue?[]> fields) => new()
        {
            Info = info,
            Reason = static (in e) => e.Role,
            Duration = static (in e) => e.Duration,
            Measured = SocketLatencyCounters.MeasureOf,
            Message = message,
            Fields = fields,
            Tuple = static (in e) => e.Flow.Tuple,
            // What the kernel itself reads, as for TLS or a disk over the network, is read by nobody.
            Process = static (in e) => e.Head.Pid == 0 ? null : e.Head.Process,
            ProcessRole = who,
        };

    private static string DescribeRead(in SocketLatencyEvent e, EventParties parties) =>
        $"{parties.Local} let data of {parties.Remote} wait {Durations.Milliseconds(e.Duration)} ms until it read them";

    private static string DescribeWrite(in SocketLatencyEvent e, EventParties parties)
    {
        var why = e.Window != 0 ? ": the peer's receive window was full" : "";
        return $"{parties.Local} had data for {parties.Remote} wait {Durations.Milliseconds(e.Duration)} ms until they "
            + $"were sent{why}";
    }
}
