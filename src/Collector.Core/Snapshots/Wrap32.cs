namespace Collector.Core.Snapshots;

/// <summary>
/// Follows a kernel counter that is 32 bits wide and wraps: starts at the kernel's own value and goes on in 64 bits.
/// </summary>
/// <remarks>A wrap between two looks is seen; two wraps are not, which takes 4.29e9 events in one interval.</remarks>
public struct Wrap32
{
    private uint _last;

    /// <summary>The counter, unwrapped.</summary>
    public long Total { get; private set; }

    /// <summary>True for a value that no wrap explains, less by under half the range: the kernel began anew.</summary>
    public readonly bool BeganAnew(uint raw) => raw < _last && _last - raw < 1u << 31;

    public long Update(uint raw)
    {
        Total += unchecked(raw - _last);
        _last = raw;
        return Total;
    }
}
