using System.Numerics;
using System.Runtime.InteropServices;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>Sums over the CPUs of a per-CPU map's entry.</summary>
internal static class PerCpu
{
    /// <summary>
    /// Adds all CPUs' values up, each an array of 64-bit counters.
    /// </summary>
    /// <param name="entry">What the map gave: one value per possible CPU.</param>
    /// <param name="sums">One per counter of a value; overwritten.</param>
    public static void Sum(ReadOnlySpan<byte> entry, Span<long> sums)
    {
        var all = MemoryMarshal.Cast<byte, long>(entry);
        sums.Clear();
        for (var at = 0; at + sums.Length <= all.Length; at += sums.Length)
            Add<long>(all.Slice(at, sums.Length), sums);
    }

    /// <summary>Adds one CPU's counters to sums of the same length.</summary>
    public static void Add<T>(ReadOnlySpan<T> values, Span<T> sums)
        where T : unmanaged, INumber<T>
    {
        var i = 0;
        for (; i <= sums.Length - Vector<T>.Count; i += Vector<T>.Count)
            (new Vector<T>(values[i..]) + new Vector<T>(sums[i..])).CopyTo(sums[i..]);
        for (; i < sums.Length; i++)
            sums[i] += values[i];
    }
}
