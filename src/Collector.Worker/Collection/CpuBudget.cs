using System.Globalization;
using Collector.Core.Probes;

namespace Collector.Worker.Collection;

/// <summary>What a probe's programs took in one measured window.</summary>
/// <param name="Probe">The probe.</param>
/// <param name="Share">Nanoseconds of processor time per second.</param>
internal readonly record struct ProbeCost(ProbeInfo Probe, long Share);

/// <summary>A probe to switch off.</summary>
/// <param name="Probe">The probe.</param>
/// <param name="Reason">Why, in words.</param>
internal sealed record OverBudget(ProbeInfo Probe, string Reason);

/// <summary>
/// Decides which probe is switched off when the programs of all take more of a processor than they may: by the mean of
/// three windows, which begin anew after each that is switched off, so that a burst is no reason.
/// </summary>
internal sealed class CpuBudget
{
    /// <summary>Windows that must have passed.</summary>
    public const int Windows = 3;

    private const double PerPercent = 1e7;

    private readonly Queue<ProbeCost[]> _windows = [];
    private double _limit;

    /// <param name="limit">Per cent of one processor; 0: there is no limit.</param>
    public CpuBudget(double limit) => _limit = limit;

    /// <summary>Per cent of one processor; 0: there is no limit. Set, it begins anew.</summary>
    public double Limit
    {
        get => _limit;
        set
        {
            _limit = value;
            _windows.Clear();
        }
    }

    /// <summary>Mean of the last windows, nanoseconds per second; negative: nothing was measured.</summary>
    public long Mean { get; private set; } = -1;

    /// <summary>The same in per cent of one processor.</summary>
    public double Percent => Mean / PerPercent;

    /// <summary>True while more is taken than may be, and no optional probe is left.</summary>
    public bool Exhausted { get; private set; }

    /// <summary>Takes a window's figures.</summary>
    /// <param name="costs">Of every probe that runs programs.</param>
    /// <returns>The probe that is to be switched off; null: none.</returns>
    public OverBudget? Add(ProbeCost[] costs)
    {
        _windows.Enqueue(costs);
        if (_windows.Count > Windows)
            _windows.Dequeue();
        Mean = _windows.Sum(w => w.Sum(c => c.Share)) / _windows.Count;
        var over = _limit > 0 && _windows.Count == Windows && Percent > _limit;
        var dearest = over ? Dearest() : null;
        Exhausted = over && dearest is null;
        if (dearest is not { } cost)
            return null;
        _windows.Clear();
        var (its, all) = (Text(cost.Share / PerPercent), Text(Percent));
        return new(cost.Probe, string.Create(CultureInfo.InvariantCulture,
            $"budget: its programs took {its} % of a processor, those of all {all} %, "
                + $"and budget.cpu is {_limit:0.####} %"));
    }

    // Who was switched on by hand goes before who is always on, unless that is no gain.
    private ProbeCost? Dearest()
    {
        var means = _windows.SelectMany(w => w).Where(c => !c.Probe.Essential && c.Share > 0)
            .GroupBy(c => c.Probe, (probe, its) => new ProbeCost(probe, its.Sum(c => c.Share) / Windows))
            .OrderByDescending(c => c.Share)
            .ToArray();
        var chosen = means.Where(c => !c.Probe.EnabledByDefault && c.Share > _limit * PerPercent / 10).ToArray();
        return chosen.Length > 0 ? chosen[0] : means.Length > 0 ? means[0] : null;
    }

    private static string Text(double percent) => percent.ToString("0.##", CultureInfo.InvariantCulture);
}
