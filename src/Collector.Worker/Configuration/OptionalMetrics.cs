using Collector.Core.Probes;

namespace Collector.Worker.Configuration;

/// <summary>
/// Metrics that leave only where their probe's argument <c>include</c> asks for all. No key of the configuration names
/// a metric: who tries, because it is missing, is told how it comes.
/// </summary>
internal static class OptionalMetrics
{
    private static readonly string[] Endings = ["_total", "_seconds", "_bytes"];

    /// <summary>The end of a sentence that says what a word is not; "" when it names no such metric.</summary>
    /// <param name="word">What somebody wrote: a name of OpenTelemetry or Prometheus, or its last part.</param>
    /// <param name="probes">Whose metrics are meant.</param>
    public static string Hint(string word, IEnumerable<ProbeInfo> probes)
    {
        var wanted = Plain(word);
        return wanted.Length > 0 && probes.FirstOrDefault(p => Names(p).Any(n => IsNameOf(wanted, n))) is { } probe
            ? $", but a metric of {probe.Id}; it is exported with 'probes: {{{probe.Id}: {{include: all}}}}'"
            : "";
    }

    // Some are optional only for some of their attributes.
    private static IEnumerable<string> Names(ProbeInfo probe) => probe.Tables.SelectMany(t => t.Metrics)
        .GroupBy(m => m.Name).Where(g => g.All(m => m.Optional)).Select(g => Plain(g.Key));

    // With or without what all metrics of a family begin with.
    private static bool IsNameOf(string word, string name) => name == word || name[(name.IndexOf('_') + 1)..] == word;

    private static string Plain(string name)
    {
        var plain = name.ToLowerInvariant().Replace('.', '_');
        plain = plain.StartsWith("netlens_", StringComparison.Ordinal) ? plain["netlens_".Length..] : plain;
        foreach (var ending in Endings)
            plain = plain.EndsWith(ending, StringComparison.Ordinal) ? plain[..^ending.Length] : plain;
        return plain;
    }
}
