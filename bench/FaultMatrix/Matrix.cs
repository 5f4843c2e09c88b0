using Collector.Core.Findings;
using Collector.Linux.Findings.Faults;
using Collector.Worker.Findings;

namespace Collector.FaultMatrix;

/// <summary>Something found where nothing is wrong.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Sentence">What it says.</param>
/// <param name="During">The faults that were caused meanwhile.</param>
internal sealed record Stray(string Kind, string Sentence, IReadOnlyList<string> During);

/// <summary>Causes each fault at each intensity, alone and with two others and healthy traffic beside.</summary>
internal sealed class Matrix(Selftest selftest, IReadOnlyList<Fault> faults, int seed)
{
    /// <summary>As few as rules ask for (where a quarter would be fewer), as the selftest does, and more.</summary>
    public static readonly double[] Intensities = [0.25, 1, 4];

    private const int Together = 3;

    private long _seen;

    public List<Cell> Cells { get; } = [];

    /// <summary>Found in the namespaces of the healthy traffic.</summary>
    public List<Stray> Strays { get; } = [];

    /// <summary>Found of the machine itself, which is also that of others.</summary>
    public List<Stray> OfMachine { get; } = [];

    /// <summary>Answers per second of the healthy traffic.</summary>
    public double HealthyRate { get; private set; }

    public void Run(CancellationToken stop)
    {
        _seen = selftest.Node.Findings.Store.Raised;
        foreach (var intensity in Intensities)
        {
            foreach (var fault in faults)
                Cause(intensity, [fault], 1, [], stop);
        }
        using var healthy = new HealthyTraffic(selftest.Node.Host);
        for (var i = 0; i < Intensities.Length; i++)
        {
            foreach (var (group, counting) in Groups(new Random(seed + i)))
                Cause(Intensities[i], group, counting, healthy.Inodes, stop);
        }
        HealthyRate = healthy.Rate;
    }

    // Each fault counts once; where the last ones are too few, others stand beside them once more.
    private IEnumerable<(Fault[] Group, int Counting)> Groups(Random random)
    {
        var order = faults.ToArray();
        random.Shuffle(order);
        foreach (var group in order.Chunk(Together))
        {
            var beside = order.Concat(AllFaults.List).Except(group).Take(Together - group.Length);
            yield return ([.. group, .. beside], group.Length);
        }
    }

    private void Cause(double intensity, Fault[] group, int counting, ulong[] healthy, CancellationToken stop)
    {
        selftest.Intensity = intensity;
        var results = selftest.Run(group, static _ => { }, stop).ToArray();
        if (stop.IsCancellationRequested)
            return;
        var kinds = group.Select(static f => f.Finding.Kind).ToArray();
        foreach (var r in results.Take(counting))
        {
            var cell = new Cell(
                r.Fault.Finding.Kind, intensity, [.. kinds.Where(k => k != r.Fault.Finding.Kind)], r.MetricCollection,
                r.FindingCollection, r.Finding?.TotalMilliseconds ?? 0, r.Others, r.Reason, r.IsBeyond);
            Cells.Add(cell);
            MatrixReport.Tell(cell);
        }
        LookAround(healthy, kinds);
    }

    private void LookAround(ulong[] healthy, string[] during)
    {
        var store = selftest.Node.Findings.Store;
        foreach (var f in store.All.Where(f => f.Number > _seen && f.Cause is null))
        {
            if (f.Subject is null or { IsHost: true })
                OfMachine.Add(Told(f));
            else if (healthy.Contains(f.Subject.Inode))
                Strays.Add(Told(f));
        }
        _seen = store.Raised;

        Stray Told(Finding f) => new(f.Info.Kind, f.Sentence, during);
    }
}
