using Collector.Core.Events;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Block;

/// <summary>The event of a slow request.</summary>
internal static class SlowRequest
{
    /// <summary>Nanoseconds from which nobody calls it slow any more: applications time out.</summary>
    private const long Standstill = 1_000_000_000;

    private const int SectorSize = 512;

    public static EventInfo Info { get; } = new()
    {
        Name = "netlens.biolatency.slow",
        Severity = EventSeverity.Warn,
        Description = "A request to a block device took longer than the threshold; the process asked for it.",
        Fields =
        [
            new("system.device"), new("netlens.block.operation"), new("netlens.block.duration"),
            new("netlens.block.waited"), new("netlens.block.offset"), new("netlens.block.size"),
            new("netlens.block.failed"),
        ],
        IsTimed = true,
    };

    public static EventKind<BioLatencyEvent> Kind { get; } = new()
    {
        Info = Info,
        Reason = static (in e) => ReasonOf(e.Device, e.Operation),
        Severity = static (in e) => e.Duration >= Standstill ? EventSeverity.Error : EventSeverity.Warn,
        Duration = static (in e) => e.Duration,
        Stations = static (in e) => e.Waited > 0 && e.Waited < e.Duration
            ? [("queue", e.Waited), ("device", e.Duration - e.Waited)]
            : [],
        Measured = static (in e) =>
            new(BioLatency.Duration, e.Name.ToString(), BlockOperation.Name(e.Operation)) { OfProcess = true },
        Message = static (in e, _) => Describe(e),
        ProcessRole = "asked by",
        Fields = static (in e) =>
        [
            e.Name.ToString(), BlockOperation.Name(e.Operation), e.Duration, e.Waited, e.Sector * SectorSize,
            (long)e.Bytes, e.Failed,
        ],
    };

    /// <summary>The key of those that the kernel side held back.</summary>
    public static EventKey KeyOf(in BioLatencyKey key, in BioLatencyValue value) =>
        new(Info, value.Netns, ReasonOf(key.Device, key.Operation), value.Rootless != 0);

    private static long ReasonOf(uint device, uint operation) => ((long)device << 8) | operation;

    // Disks are the node's, whoever asks.
    private static string Describe(in BioLatencyEvent e)
    {
        var waited = e.Waited > 0 ? $", {Durations.Milliseconds(e.Waited)} of them in the queue" : "";
        var failed = e.Failed != 0 ? ", and failed" : "";
        var operation = BlockOperation.Name(e.Operation);
        var what = e.Bytes > 0 ? $"{operation} of {e.Bytes} bytes at {e.Sector * SectorSize}" : operation;
        return $"{e.Name} took {Durations.Milliseconds(e.Duration)} ms for a {what}{waited}{failed}";
    }
}
