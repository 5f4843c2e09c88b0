using System.Numerics;
using Collector.Core.Events;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Transmits;

/// <summary>The event of a packet that was slow on its way out.</summary>
internal static class TransmitKinds
{
    internal static readonly EventInfo SlowInfo = new()
    {
        Name = "netlens.transmit.slow",
        Severity = EventSeverity.Warn,
        Description = "A packet took longer than the threshold from its socket to the device (socket), in the device's "
            + "queue (queue), or in its driver (driver).",
        Fields =
        [
            new("netlens.transmit.station"), new("netlens.transmit.duration"), new("network.interface.name"),
            new("netlens.interface.index"),
        ],
        IsTimed = true,
    };

    public static EventKind<TransmitEvent> Slow { get; } = new()
    {
        Info = SlowInfo,
        Reason = static (in e) =>
            e.Station == TransmitStation.Socket ? e.Flow.Protocol : ReasonOf(e.Device),
        Duration = static (in e) => e.Duration,
        Stations = static (in e) => [(TransmitStation.Name(e.Station), e.Duration)],
        Measured = TransmitCounters.MeasureOf,
        Message = Describe,
        Fields = static (in e) =>
            [TransmitStation.Name(e.Station), e.Duration, e.Device.ToString(), (long)e.Ifindex],
        Tuple = static (in e) => e.Flow.Tuple,
        // Whoever has the processor when a queue goes on has nothing to do with the packet.
        Process = static (in _) => null,
    };

    /// <summary>What is limited together.</summary>
    public static EventKey? KeyOf(in TransmitSocket key) => new(SlowInfo, key.Netns, key.Protocol);

    /// <summary>The same of what is behind a device.</summary>
    public static EventKey? KeyOf(in TransmitDevice key) => new(SlowInfo, key.Netns, ReasonOf(key));

    private static long ReasonOf(in TransmitDevice key) => (long)(key.Name ^ BitOperations.RotateLeft(key.NameRest, 1));

    private static string Describe(in TransmitEvent e, EventParties parties)
    {
        var (device, ms) = (e.Device.ToString(), Durations.Milliseconds(e.Duration));
        return e.Station switch
        {
            TransmitStation.Socket =>
                parties.DidToPacket("sent", "a packet") + $", which came to {device} after {ms} ms",
            TransmitStation.Queue => parties.DidToPacket("kept", "a packet") + $" in the queue of {device} for {ms} ms",
            _ => parties.DidToPacket("gave", "a packet") + $" to the driver of {device}, which took {ms} ms for it",
        };
    }
}
