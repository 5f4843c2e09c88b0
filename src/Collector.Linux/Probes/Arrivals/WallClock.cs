using Collector.Linux.Interop;
using Collector.Linux.Kernel;

namespace Collector.Linux.Probes.Arrivals;

/// <summary>
/// The clock that stamps packets, for programs, which cannot read it: how far it is ahead of theirs, and since when.
/// Belongs to the collection thread.
/// </summary>
internal sealed class WallClock
{
    /// <summary>Nanoseconds by which readings of the same two clocks differ.</summary>
    private const ulong Noise = 10_000;

    private StampClock _known;

    /// <summary>Reads the clocks. One that was set since the last time counts from now.</summary>
    public StampClock Look()
    {
        var read = KernelClock.Monotonic();
        var (ahead, tai) = (KernelClock.Ahead(Libc.CLOCK_REALTIME), KernelClock.Ahead(Libc.CLOCK_TAI));
        if (!IsNear(ahead, _known.Ahead) || !IsNear(tai, _known.TaiAhead))
        {
            // What was stamped before anybody looked is as good.
            var since = _known.Read == 0 ? 0 : KernelClock.Monotonic();
            _known = new StampClock { Ahead = ahead, TaiAhead = tai, Since = since };
        }
        _known.Read = read;
        return _known;
    }

    private static bool IsNear(ulong a, ulong b) => a - b + Noise <= 2 * Noise;
}
