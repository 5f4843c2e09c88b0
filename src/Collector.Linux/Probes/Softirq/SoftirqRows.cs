using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;

namespace Collector.Linux.Probes.Softirq;

/// <summary>The rows of the softirq probe: made when first asked for, then kept while it runs.</summary>
internal sealed class SoftirqRows(TableInfo sum, TableInfo cpus, TableInfo legacy)
{
    private readonly Row?[] _sums = new Row?[SoftirqVectors.Count];
    private readonly Row?[] _legacy = new Row?[SoftirqVectors.Count];
    private readonly Dictionary<(int Vector, int Cpu), Row> _cpus = [];
    private long _since;

    /// <summary>Unix nanoseconds since which the kernel side counts. Setting it begins anew.</summary>
    public long Since
    {
        set
        {
            _since = value;
            _sums.AsSpan().Clear();
            _legacy.AsSpan().Clear();
            _cpus.Clear();
        }
    }

    public Row Of(int vector) => _sums[vector] ??= new(sum, null, _since, SoftirqDelay.Names[vector]);

    public Row LegacyOf(int vector) => _legacy[vector] ??= new(legacy, null, _since, SoftirqDelay.Names[vector]);

    public Row Of(int vector, int cpu)
    {
        if (!_cpus.TryGetValue((vector, cpu), out var row))
            _cpus.Add((vector, cpu), row = new(cpus, null, _since, SoftirqDelay.Names[vector], (long)cpu));
        return row;
    }
}

/// <summary>
/// The ksoftirqd threads of the machine, by CPU. A CPU that comes online for the first time later is missing: its
/// events do not say who had the CPU before.
/// </summary>
internal sealed class KsoftirqdThreads
{
    private readonly Dictionary<uint, uint> _byCpu = [];
    private readonly HashSet<int> _threads = [];

    public static KsoftirqdThreads None { get; } = new();

    public IReadOnlyDictionary<uint, uint> ByCpu => _byCpu;

    /// <summary>Least thread id; above <see cref="Last"/> when there is none.</summary>
    public uint First { get; private set; } = uint.MaxValue;

    public uint Last { get; private set; }

    public bool Has(int thread) => _threads.Contains(thread);

    /// <summary>Looks for them among the children of kthreadd, process 2.</summary>
    public static KsoftirqdThreads Find(KernelPaths paths)
    {
        var found = new KsoftirqdThreads();
        foreach (var folder in Directory.EnumerateDirectories(paths.Proc))
        {
            if (uint.TryParse(Path.GetFileName(folder.AsSpan()), CultureInfo.InvariantCulture, out var thread))
                found.Take(thread, folder + "/stat");
        }
        return found;
    }

    // "14 (ksoftirqd/0) S 2 0 0 ..."
    private void Take(uint thread, string file)
    {
        const string Begin = "(ksoftirqd/";
        string stat;
        try
        {
            stat = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;
        }
        var at = stat.IndexOf(Begin, StringComparison.Ordinal);
        var end = stat.LastIndexOf(')');
        if (at < 0 || end < at || end + 5 > stat.Length || stat.AsSpan(end + 3, 3) is not " 2 "
            || !uint.TryParse(stat.AsSpan()[(at + Begin.Length)..end], CultureInfo.InvariantCulture, out var cpu))
            return;
        _byCpu[cpu] = thread;
        _threads.Add((int)thread);
        First = Math.Min(First, thread);
        Last = Math.Max(Last, thread);
    }
}
