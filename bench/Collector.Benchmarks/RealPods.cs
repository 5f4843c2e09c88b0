using Collector.ScaleRun;

namespace Collector.Benchmarks;

/// <summary>
/// The pods of the scale run, one set at a time. <c>bench/benchmarks</c> starts us in namespaces of our own and says
/// where the program that makes pods is.
/// </summary>
internal static class RealPods
{
    private static readonly string? Program = Environment.GetEnvironmentVariable("NETLENS_BENCH_PODS");
    private static Pods? _pods;
    private static int _count = -1;
    private static bool _prepared;

    /// <summary>Makes sure that the node has exactly this many pods.</summary>
    /// <exception cref="InvalidOperationException">Not started by bench/benchmarks.</exception>
    public static void Have(int count)
    {
        if (_count == count)
            return;
        if (string.IsNullOrEmpty(Program))
            throw new InvalidOperationException("start this with bench/benchmarks: it needs namespaces of its own");
        if (!_prepared)
            Node.Prepare();
        _prepared = true;
        _pods?.Dispose();
        _pods = count == 0 ? null : new Pods(Program, count, connections: 20 * count);
        _count = count;
    }
}
