using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Linux.Kernel.Bpf;

[InlineArray(NanosecondHistogram.SlotCount)]
internal struct HistogramSlots
{
    private long _first;
}

/// <summary>
/// Durations by powers of two: <c>struct histogram</c> of ebpf-programs/include/maps.h. Its slots are the buckets
/// of the exported histogram, so a count of the kernel leaves as it is, whatever the rate of events was.
/// </summary>
[BpfStruct("histogram")]
[StructLayout(LayoutKind.Sequential)]
internal struct NanosecondHistogram
{
    /// <summary>The first slot counts up to 2^10 ns.</summary>
    public const int FirstBit = 10;

    /// <summary>HISTOGRAM_SLOTS: the last counts all above 2^33 ns (8.6 s).</summary>
    public const int SlotCount = 25;

    /// <summary>Slot k: above 2^(9+k) up to 2^(10+k) ns.</summary>
    public HistogramSlots Slots;

    /// <summary>Nanoseconds.</summary>
    public long Sum;

    /// <summary>
    /// Upper bounds in seconds. Each is the double nearest to a decimal of at most ten digits, and prints as it.
    /// </summary>
    public static IReadOnlyList<double> Bounds { get; } =
        [.. Enumerable.Range(0, SlotCount - 1).Select(k => (1L << (FirstBit + k)) / 1e9)];

    /// <summary>A metric whose buckets are the slots.</summary>
    public static Metric Metric(string name, string description) =>
        Core.Metrics.Metric.Histogram(name, Units.Seconds, description, Bounds, scale: 1e-9);

    /// <summary>Adds another's counts, for sums over CPUs.</summary>
    public void Add(in NanosecondHistogram other)
    {
        PerCpu.Add<long>(other.Slots, Slots);
        Sum += other.Sum;
    }

    /// <summary>Writes the metric's columns.</summary>
    public readonly void Write(in RowWriter row, Metric metric) => row.Set(metric, Slots, Sum);
}

/// <summary>
/// A distribution as an older exporter had it: a counter per slot, told apart by floor(log2(ns >> 10)), the lower bound
/// of a slot of about microseconds; counts are of the slot alone.
/// </summary>
internal static class LegacySlots
{
    /// <summary>le 0 takes our slots 0 and 1 (log2 of 0 is taken as 0), le k our slot k + 1.</summary>
    public const int Count = NanosecondHistogram.SlotCount - 1;

    /// <summary>The row tag that holds the slot.</summary>
    public static TagKey Tag { get; } = new("netlens.slot");

    /// <summary>The counter of a table with <see cref="Tag"/>.</summary>
    public static Metric Metric(string name, string description) =>
        Core.Metrics.Metric.Unnamed(InstrumentKind.Counter, name, Units.Events, description);

    public static Row[] Rows(TableInfo table, long since) =>
        [.. Enumerable.Range(0, Count).Select(le => new Row(table, null, since, le))];

    /// <summary>What the legacy slot counts.</summary>
    public static long Value(in NanosecondHistogram histogram, int le) =>
        le == 0 ? histogram.Slots[0] + histogram.Slots[1] : histogram.Slots[le + 1];
}
