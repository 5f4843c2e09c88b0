using System.Reflection;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Running;

namespace Collector.Benchmarks;

/// <summary>A benchmark whose operation does more than what is to be pinned.</summary>
public interface ICountsBytes
{
    /// <summary>Allocated so far by what is to be pinned.</summary>
    long Bytes { get; }
}

/// <summary>
/// The bytes that one operation of each benchmark allocates, exactly, against the pins in allocations.json. More bytes
/// are a regression, fewer are a pin to be tightened.
/// </summary>
/// <remarks>
/// MemoryDiagnoser divides what the whole process allocated by few operations where one takes milliseconds; this counts
/// the bytes of the thread that does the work, over operations that came after the first ones.
/// </remarks>
internal static class Allocations
{
    private const int WarmUp = 32;
    private const int Operations = 64;
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>Runs every benchmark a few times and compares. True when all agree.</summary>
    public static bool Check(string file)
    {
        var pinned = Read(file);
        var agree = true;
        foreach (var (name, bytes) in Measure())
        {
            var known = pinned.Remove(name, out var pin);
            // A whole collection also looks at the machine's processes and retries what was not there: 2 % are its.
            var same = known && Math.Abs(bytes - pin) * 50 <= pin;
            var verdict = same ? "ok" : known ? $"WRONG: {pin} pinned" : "WRONG: not pinned";
            Console.WriteLine($"{bytes,8} B  {name}  {verdict}");
            agree &= same;
        }
        foreach (var name in pinned.Keys)
            Console.WriteLine($"{"",8}    {name}  WRONG: pinned, but there is no such benchmark");
        return agree && pinned.Count == 0;
    }

    /// <summary>Runs every benchmark a few times and writes the pins anew.</summary>
    public static void Update(string file)
    {
        var measured = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (name, bytes) in Measure())
        {
            Console.WriteLine($"{bytes,8} B  {name}");
            measured.Add(name, bytes);
        }
        File.WriteAllText(file, JsonSerializer.Serialize(measured, Json) + "\n");
    }

    private static SortedDictionary<string, long> Read(string file) =>
        JsonSerializer.Deserialize<SortedDictionary<string, long>>(File.ReadAllText(file)) ?? [];

    private static IEnumerable<(string Name, long Bytes)> Measure() =>
        typeof(Allocations).Assembly.GetTypes()
            .Where(t => t.GetMethods().Any(m => m.IsDefined(typeof(BenchmarkAttribute))))
            .OrderBy(t => t.Name, StringComparer.Ordinal)
            .SelectMany(t => BenchmarkConverter.TypeToBenchmarks(t).BenchmarksCases)
            .Select(Measure);

    private static (string Name, long Bytes) Measure(BenchmarkCase benchmark)
    {
        var type = benchmark.Descriptor.Type;
        var name = $"{type.Name}.{benchmark.Descriptor.WorkloadMethod.Name}";
        var instance = Activator.CreateInstance(type)!;
        foreach (var parameter in benchmark.Parameters.Items)
            type.GetProperty(parameter.Name)!.SetValue(instance, parameter.Value);
        if (benchmark.HasParameters)
            name += $"({string.Join(", ", benchmark.Parameters.Items.Select(p => $"{p.Name}={p.Value}"))})";
        benchmark.Descriptor.GlobalSetupMethod?.Invoke(instance, null);
        var operation = benchmark.Descriptor.WorkloadMethod.CreateDelegate<Func<long>>(instance);
        for (var i = 0; i < WarmUp; i++)
            operation();
        var counted = instance as ICountsBytes;
        long Now() => counted?.Bytes ?? GC.GetAllocatedBytesForCurrentThread();
        var before = Now();
        for (var i = 0; i < Operations; i++)
            operation();
        var bytes = (Now() - before) / Operations;
        benchmark.Descriptor.GlobalCleanupMethod?.Invoke(instance, null);
        return (name, bytes);
    }
}
