using Collector.Core.Probes;

namespace Collector.Core.Findings;

/// <summary>The thresholds of a kind of finding: a rule reads them once, when it is made.</summary>
/// <param name="info">The kind.</param>
/// <param name="written">Values by threshold, each of its type; null: nothing was written.</param>
public sealed class FindingSettings(FindingInfo info, IReadOnlyDictionary<ProbeOption, object>? written = null)
    : OptionValues($"finding {info.Kind}", info.Thresholds, written)
{
    public FindingInfo Info { get; } = info;

    /// <summary>Thresholds given as texts that <see cref="ProbeOption.Read"/> takes.</summary>
    /// <exception cref="InvalidOperationException">The kind declares no such threshold.</exception>
    public static FindingSettings Of(FindingInfo info, params IEnumerable<(string Name, string Value)> written) => new(
        info, written.Select(w => (Option: info.Thresholds.Single(o => o.Name == w.Name), w.Value))
            .ToDictionary(w => w.Option, w => w.Option.Read(w.Value)));
}
