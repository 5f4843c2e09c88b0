using System.Text.RegularExpressions;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary><c>additionalLabels</c>, a list of <c>label=expression</c> with <c>${labels:KEY}</c> in it.</summary>
internal static partial class LabelImport
{
    public static void Read(IReadOnlyList<YamlNode> labels, ImportDraft draft)
    {
        var keys = new List<(string Key, string Was)>();
        foreach (var node in labels)
        {
            if (node is not YamlScalar { Text: var text } || text.Split('=', 2) is not [var label, var expression])
                draft.Leave(node, "metrics.additionalLabels", "is not label=expression; KubeSkoop breaks off there");
            else
                Read(node, label.Trim(), expression.Trim(), keys, draft);
        }
        Write(keys, labels, "metrics.additionalLabels", draft);
    }

    /// <summary>Writes keys of pod labels, each once.</summary>
    public static void Write(
        List<(string Key, string Was)> keys, IReadOnlyList<YamlNode> from, string was, ImportDraft draft)
    {
        if (keys.Count == 0)
            return;
        draft.Set("pods.labels", string.Join(',', keys.Select(k => k.Key).Distinct()), from[0], was,
            $"In the old namings a label has its own name: {string.Join(", ", keys.Select(k => k.Was))}.");
    }

    private static void Read(
        YamlNode node, string label, string expression, List<(string Key, string Was)> keys, ImportDraft draft)
    {
        var found = PodLabel.Matches(expression);
        if (found.Count == 0)
        {
            draft.Leave(node, $"metrics.additionalLabels {label}", $"'{YamlText.Shown(expression)}' is the same for "
                + "every series: give it in Prometheus (external_labels) or, for OTLP, in resource.attributes");
        }
        else if (found.Count > 1 || found[0].Length != expression.Length)
        {
            draft.Leave(node, $"metrics.additionalLabels {label}", $"a label cannot be put together; of "
                + $"'{YamlText.Shown(expression)}' each pod label is one of its own");
        }
        keys.AddRange(found.Select(m => m.Groups["key"].Value).Select(k => (k, $"{OldName(k)} (was {label})")));
    }

    private static string OldName(string key) => NotOfALabel.Replace(key, "_");

    [GeneratedRegex(@"\$\{labels:(?<key>[^}]*)\}", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex PodLabel { get; }

    [GeneratedRegex("[^A-Za-z0-9_]", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex NotOfALabel { get; }
}
