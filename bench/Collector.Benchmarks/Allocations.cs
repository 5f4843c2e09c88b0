using System.Text.Json;
using BenchmarkDotNet.Reports;

namespace Collector.Benchmarks;

/// <summary>
/// The pinned bytes per operation of each benchmark, in allocations.json. What is not there, or differs, fails the
/// check: more bytes are a regression, fewer are a pin to be tightened.
/// </summary>
internal static class Allocations
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>Compares and reports. True when all agree.</summary>
    public static bool Check(IEnumerable<Summary> summaries, string file)
    {
        var pinned = JsonSerializer.Deserialize<SortedDictionary<string, long>>(File.ReadAllText(file)) ?? [];
        var agree = true;
        foreach (var (name, bytes) in Measured(summaries))
        {
            var expected = pinned.TryGetValue(name, out var pin) ? $"{pin}" : "nothing";
            if (bytes is not null && $"{bytes}" == expected)
                continue;
            Console.Error.WriteLine($"{name}: {expected} pinned, {(bytes is null ? "did not run" : $"{bytes} bytes measured")}");
            agree = false;
        }
        return agree;
    }

    /// <summary>Writes what was measured over the pins of the same benchmarks.</summary>
    public static void Update(IEnumerable<Summary> summaries, string file)
    {
        var pinned = File.Exists(file)
            ? JsonSerializer.Deserialize<SortedDictionary<string, long>>(File.ReadAllText(file)) ?? []
            : [];
        foreach (var (name, bytes) in Measured(summaries))
        {
            if (bytes is { } value)
                pinned[name] = value;
        }
        var sorted = new SortedDictionary<string, long>(pinned, StringComparer.Ordinal);
        File.WriteAllText(file, JsonSerializer.Serialize(sorted, Json) + "\n");
    }

    private static IEnumerable<(string Name, long? Bytes)> Measured(IEnumerable<Summary> summaries)
    {
        foreach (var report in summaries.SelectMany(s => s.Reports))
        {
            var benchmark = report.BenchmarkCase;
            var name = $"{benchmark.Descriptor.Type.Name}.{benchmark.Descriptor.WorkloadMethod.Name}";
            if (benchmark.HasParameters)
                name += $"({string.Join(", ", benchmark.Parameters.Items.Select(p => $"{p.Name}={p.Value}"))})";
            yield return (name, report.Success ? report.GcStats.GetBytesAllocatedPerOperation(benchmark) : null);
        }
    }
}
