using Collector.Core.Probes;

namespace Collector.Linux.Probes.Tcp;

/// <summary>The arguments of the probes that count TCP segments.</summary>
/// <param name="counted">What their counters are told apart by, for the descriptions.</param>
internal sealed class TcpSegmentOptions(string counted)
{
    public ProbeOption<long> Burst { get; } = Option.Integer(
        "burst", 10, $"Events per second, {counted} and CPU that leave the kernel.", least: 0, most: 1000);

    public ProbeOption<bool> Stack { get; } =
        Option.Switch("stack", standard: false, "Add the kernel stack to events.");

    public ProbeOption<long> Entries { get; } = Option.Integer(
        "entries", 4096, $"Combinations of {counted} that are counted.", least: 64, most: 1 << 20);

    public IReadOnlyList<ProbeOption> All => [Burst, Stack, Entries];
}
