using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Arrivals;

/// <summary>Where a packet is on its way: <c>enum station</c> of receive.bpf.c.</summary>
internal static class Station
{
    public const int Network = 0;
    public const int Socket = 1;
    public const int Read = 2;

    /// <summary>Values of netlens.receive.station.</summary>
    public static IReadOnlyList<string> Names { get; } = ["network", "socket", "read"];
}

/// <summary>The kinds of events of packets that came late to their socket or reader.</summary>
internal static class ReceiveKinds
{
    /// <summary>Nanoseconds in which TCP has sent again what it waited for.</summary>
    private const long Standstill = 200_000_000;

    internal static readonly EventInfo SlowInfo = new()
    {
        Name = "netlens.receive.slow",
        Severity = EventSeverity.Warn,
        Description = "A packet took longer than the threshold from the device to the socket's queue: the CPU's "
            + "backlog, rules, or a process that held the socket. The process is that one, where it was.",
        Fields = [new("netlens.receive.duration")],
        IsTimed = true,
    };

    internal static readonly EventInfo UnreadInfo = new()
    {
        Name = "netlens.receive.read_slow",
        Severity = EventSeverity.Warn,
        Description = "What came was read later than the threshold after the device had it: the application was slow. "
            + "The process is who read it.",
        Fields = [new("netlens.receive.duration")],
        IsTimed = true,
    };

    public static EventKind<ReceiveEvent> Slow { get; } = Kind(SlowInfo, "got", "held by",
        static (in e) => e.Duration >= Standstill ? EventSeverity.Error : EventSeverity.Warn);

    public static EventKind<ReceiveEvent> Unread { get; } = Kind(UnreadInfo, "read", "read by", null);

    /// <summary>What is limited together; null: there are no events of that station.</summary>
    public static EventKey? KeyOf(in ReceiveKey key) => key.Station == Station.Network
        ? null
        : new(key.Station == Station.Socket ? SlowInfo : UnreadInfo, key.Netns, key.Protocol);

    private static EventKind<ReceiveEvent> Kind(
        EventInfo info, string did, string role, OfRecord<ReceiveEvent, EventSeverity>? severity) => new()
        {
            Info = info,
            Reason = static (in e) => e.Flow.Protocol,
            Severity = severity,
            Duration = static (in e) => e.Duration,
            Stations = static (in e) => [(Station.Names[e.Station], e.Duration)],
            Measured = static (in e) => ReceiveCounters.MeasureOf(e.Station, e.Flow.Protocol),
            Message = (in e, parties) =>
                $"{parties.DidToPacket(did, "a packet")} {Durations.Milliseconds(e.Duration)} ms after it came",
            Fields = static (in e) => [e.Duration],
            Tuple = static (in e) => e.Flow.Tuple,
            Process = static (in e) => e.Head.Pid == 0 ? null : e.Head.Process,
            ProcessRole = role,
        };
}
