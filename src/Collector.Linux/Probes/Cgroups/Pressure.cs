using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>
/// Pressure stall information of a cgroup or of the node: for how long some, and for how long all of its tasks stood
/// still for want of a resource.
/// </summary>
internal static class Pressure
{
    /// <summary>The resources, in the order of <see cref="Metrics"/>.</summary>
    private static readonly string[] Resources = ["cpu", "memory", "io"];

    // Microseconds. That of all tasks is asked for less often.
    private static readonly Metric[] Some = [.. Resources.Select(r => Of(r, "some"))];
    private static readonly Metric[] Full = [.. Resources.Select(r => Of(r, "full", optional: true))];

    public static IReadOnlyList<Metric> Metrics { get; } = [.. Some, .. Full];

    /// <summary>Time in which some, and all, waited for memory.</summary>
    public static Metric MemorySome => Some[1];

    /// <inheritdoc cref="MemorySome"/>
    public static Metric MemoryFull => Full[1];

    /// <summary>Files of a cgroup, in the order of the resources.</summary>
    public static ReadOnlySpan<byte> FileOf(int resource) => resource switch
    {
        0 => "/cpu.pressure\0"u8,
        1 => "/memory.pressure\0"u8,
        _ => "/io.pressure\0"u8,
    };

    public static int Count => Resources.Length;

    /// <summary>Files of the node, below /proc.</summary>
    public static string NodeFileOf(int resource) => $"pressure/{Resources[resource]}";

    /// <summary>Writes the totals of one file.</summary>
    /// <returns>False where it has another format.</returns>
    public static bool TryWrite(ReadOnlySpan<byte> text, int resource, in RowWriter row)
    {
        var found = false;
        var lines = new LineReader(text);
        while (lines.TryNext(out var line))
        {
            // some avg10=0.00 avg60=0.26 avg300=3.68 total=32341773488
            var metric = line.StartsWith("some "u8) ? Some : line.StartsWith("full "u8) ? Full : null;
            var at = line.LastIndexOf(" total="u8);
            if (metric is null || at < 0 || !FieldReader.TryParse(line[(at + 7)..], out var total))
                return false;
            row.Set(metric[resource], total);
            found = true;
        }
        return found;
    }

    private static Metric Of(string resource, string stall, bool optional = false) => Metric.Counter(
        "netlens.throttling.pressure", Units.Seconds,
        "Time in which some, or all (full), of the tasks waited for a processor, for memory or for storage "
            + "(pressure stall information).",
        [new("netlens.pressure.resource", resource), new("netlens.pressure.stall", stall)], scale: 1e-6,
        optional: optional);
}
