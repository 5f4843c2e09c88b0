using Collector.Core.Probes;
using Collector.Worker.Recorder;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Findings;

/// <summary>Whose packets are wanted to be accounted for, and since when.</summary>
/// <param name="Whose">
/// <c>node</c> for all namespaces together, <c>host</c> for the node's own, NAMESPACE/POD, or the inode or name of a
/// network namespace; none: nobody's.
/// </param>
/// <param name="Since">How long to look back; null: as long as is known.</param>
internal sealed record LedgerQuery(IReadOnlyList<string> Whose, TimeSpan? Since)
{
    /// <summary>Of so many at most: each is a walk over all rows.</summary>
    public const int Most = 16;

    private const int LongestName = 512;

    /// <summary>The longest time that is kept of anything.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <param name="parameters">As they came.</param>
    /// <param name="query">What is asked for.</param>
    /// <param name="problem">One line that names the parameter and what it may be; "" when all is well.</param>
    public static bool TryParse(
        IEnumerable<KeyValuePair<string, StringValues>> parameters, out LedgerQuery query, out string problem)
    {
        var given = new QueryParameters(parameters);
        var whose = given.All<string>("ledger", TryWhose,
            "node, host, namespace/pod, or the inode or name of a network namespace");
        query = new(whose, given.One<TimeSpan?>("since", TrySince, "a duration up to 1h, such as 10m", null));
        given.End();
        problem = given.Problem.Length > 0 || whose.Length <= Most ? given.Problem
            : $"ledger must be given {Most} times at most";
        return problem.Length == 0;
    }

    /// <summary>The address of the findings with it.</summary>
    public string Path => $"findings?{string.Join('&', Whose.Select(w => $"ledger={Uri.EscapeDataString(w)}"))}"
        + (Since is { } since ? $"&since={Uri.EscapeDataString(DurationText.Format(since))}" : "");

    private static bool TryWhose(string text, out string whose)
    {
        whose = text;
        return text.Length is > 0 and <= LongestName;
    }

    private static bool TrySince(string text, out TimeSpan? since)
    {
        since = DurationText.TryParse(text, out var value, out _) ? value : null;
        return since is { } time && time > TimeSpan.Zero && time <= Longest;
    }
}
