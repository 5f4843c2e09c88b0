namespace Collector.FaultMatrix;

/// <summary>What cells come to together.</summary>
/// <param name="Caused">Cells that count.</param>
/// <param name="Found">Of them found.</param>
/// <param name="Wrong">Of them with something else found in the same namespaces.</param>
/// <param name="InTime">Of them found by the second collection after the cause.</param>
/// <param name="InTimeOfCount">
/// Of them found by the collection after the one that first showed the metric: what the kernel counts later than it was
/// caused (a time-out, a probe of a closed window) nobody finds sooner.
/// </param>
/// <param name="Collections">Median of those found, from the cause.</param>
/// <param name="Milliseconds">The same as a time.</param>
/// <param name="Longest">The longest of those times.</param>
internal sealed record Score(
    int Caused, int Found, int Wrong, int InTime, int InTimeOfCount, int Collections, double Milliseconds,
    double Longest)
{
    /// <summary>Collections from the cause, or from the first that showed the metric, that count included.</summary>
    private const int Soon = 2;

    /// <summary>Least part found.</summary>
    public const double LeastRecall = 0.95;

    /// <summary>Largest part with a wrong cause.</summary>
    public const double MostWrong = 0.02;

    public double Recall => Part(Found, Caused);

    public double WrongPart => Part(Wrong, Caused);

    public static Score Of(IEnumerable<Cell> cells)
    {
        var counting = cells.Where(static c => !c.IsBeyond).ToArray();
        var found = counting.Where(static c => c.Found > 0).ToArray();
        return new(
            counting.Length, found.Length, counting.Count(static c => c.Wrong.Count > 0), found.Count(IsInTime),
            found.Count(IsInTimeOfCount), (int)Median(found.Select(static c => (double)c.Found)),
            Median(found.Select(static c => c.Milliseconds)),
            found.Select(static c => c.Milliseconds).DefaultIfEmpty().Max());
    }

    public static bool IsInTime(Cell cell) => cell.Found is > 0 and <= Soon;

    /// <summary>It was also where an event told of it before its counter was read.</summary>
    public static bool IsInTimeOfCount(Cell cell) =>
        cell.Found > 0 && cell.Counted > 0 && cell.Found - cell.Counted + 1 <= Soon;

    private static double Part(int some, int all) => all == 0 ? 0 : (double)some / all;

    // Of an even number the lower of the two in the middle: one that was measured.
    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[(sorted.Length - 1) / 2];
    }
}
