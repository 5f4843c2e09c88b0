using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings;

namespace Collector.Worker.Configuration;

/// <summary>Where a value was written.</summary>
/// <param name="Place">For errors: <c>file:line:column</c> or the environment variable.</param>
/// <param name="Source">For the printer: <c>file:line</c> or <c>env VARIABLE</c>.</param>
internal readonly record struct Origin(string Place, string Source)
{
    public static Origin Environment(string variable) => new($"environment variable {variable}", $"env {variable}");
}

/// <summary>
/// Options while they are being bound: defaults at first, then the file, then the environment over it.
/// </summary>
internal sealed class ConfigurationDraft
{
    public const string DefaultSource = "default";

    /// <param name="catalogue">The probes.</param>
    /// <param name="findings">The kinds of findings; null: all there are.</param>
    public ConfigurationDraft(IReadOnlyList<ProbeInfo> catalogue, IReadOnlyList<FindingInfo>? findings = null)
    {
        foreach (var key in ConfigurationSchema.Keys)
            Sources[key.Path] = DefaultSource;
        foreach (var info in catalogue)
        {
            Probes.Add(info.Id, new(info));
            Sources[ProbeDraft.Path(info.Id)] = DefaultSource;
            foreach (var option in info.Options)
                Sources[ProbeDraft.Path(info.Id, option.Name)] = DefaultSource;
        }
        foreach (var info in findings ?? AllFindings.Kinds)
        {
            Findings.Add(info.Kind, new(info));
            Sources[FindingDraft.Path(info.Kind)] = DefaultSource;
            foreach (var threshold in info.Thresholds)
                Sources[FindingDraft.Path(info.Kind, threshold.Name)] = DefaultSource;
        }
    }

    public AgentOptions Options { get; set; } = new();

    public ErrorList Errors { get; } = new();

    public List<string> Warnings { get; } = [];

    public Dictionary<string, string> Sources { get; } = [];

    /// <summary>Every probe of the catalogue by id, in its order.</summary>
    public OrderedDictionary<string, ProbeDraft> Probes { get; } = [];

    /// <summary>Every kind of finding, in the order of its catalogue.</summary>
    public OrderedDictionary<string, FindingDraft> Findings { get; } = [];

    /// <summary>What may be meant by a word that is no probe, as the end of a sentence that says so.</summary>
    public string SuggestionFor(string word) =>
        OptionalMetrics.Hint(word, Probes.Values.Select(p => p.Info)) is { Length: > 0 } hint
            ? hint
            : Suggestion.For(word, Probes.Keys);

    /// <summary>Sets a key from its text, or reports why it cannot be.</summary>
    public void Set(ValueKey key, string text, Origin origin)
    {
        if (key.Type.Parse(text, out var problem) is { } value)
            Set(key, value, origin);
        else
            Errors.Add(origin.Place, key.Path, problem, key.Allowed);
    }

    public void Set(ValueKey key, object? value, Origin origin)
    {
        Options = key.Set(Options, value);
        Sources[key.Path] = origin.Source;
    }

    public void Switch(ProbeDraft probe, bool on, Origin origin)
    {
        probe.Enabled = on;
        Sources[ProbeDraft.Path(probe.Info.Id)] = origin.Source;
    }

    /// <summary>Sets a threshold of a kind from its text, or reports why it cannot be.</summary>
    /// <param name="finding">The kind.</param>
    /// <param name="threshold">Null: switches the kind.</param>
    /// <param name="text">The text.</param>
    /// <param name="origin">Where it stands.</param>
    /// <param name="allowed">What may stand for the kind itself; null: it is an entry of the kind's map.</param>
    public void Set(
        FindingDraft finding, ProbeOption? threshold, string text, Origin origin, string? allowed = null)
    {
        var (kind, type) = (finding.Info.Kind, FindingDraft.TypeOf(threshold));
        var key = FindingDraft.Path(kind, threshold?.Name ?? FindingDraft.Switch);
        if (type.Parse(text, out var problem) is not { } value)
        {
            Errors.Add(
                origin.Place, allowed is null ? key : FindingDraft.Path(kind), problem, allowed ?? type.Allowed);
        }
        else if (threshold is null)
        {
            finding.Enabled = (bool)value;
            Sources[FindingDraft.Path(kind)] = origin.Source;
        }
        else
        {
            finding.Written[threshold] = value;
            Sources[key] = origin.Source;
        }
    }

    public ConfigurationResult Finish() => (Errors.Any
        ? new ConfigurationResult(null, Errors.ToList(), Sources)
        : new(Options with
        {
            Probes = Probes.ToDictionary(p => p.Key, p => p.Value.Choice()),
            Findings = Findings.ToDictionary(f => f.Key, f => f.Value.Choice()),
        }, [], Sources)) with
    {
        Warnings = Warnings,
    };
}

/// <summary>A probe's part of the draft.</summary>
internal sealed class ProbeDraft(ProbeInfo info)
{
    public ProbeInfo Info => info;

    public bool Enabled { get; set; } = info.EnabledByDefault;

    /// <summary>Arguments that were written, each of its option's type.</summary>
    public Dictionary<ProbeOption, object> Written { get; } = [];

    public static string Path(string probe) => $"{ConfigurationSchema.Probes}.{probe}";

    public static string Path(string probe, string option) => $"{ConfigurationSchema.Probes}.{probe}.{option}";

    public ProbeChoice Choice() => new(Enabled, new ProbeSettings(info, Written));
}
