using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>The arguments of KubeSkoop's probes in ours; there are two that have one.</summary>
internal static class ProbeArguments
{
    /// <summary>The inside of a map in YAML; null where there is nothing to say.</summary>
    public static string? Of(ProbeInfo info, ImportMap? arguments, ImportDraft draft) => info.Id switch
    {
        "packetloss" => Option(info, "stack") is not null && arguments?.Switch("enableStack") == true
            ? "stack: true"
            : null,
        "softirq" => Vectors(info, arguments, draft),
        _ => null,
    };

    // KubeSkoop measures the receive softirq alone unless told.
    private static string Vectors(ProbeInfo info, ImportMap? arguments, ImportDraft draft)
    {
        const string Key = "softirq-types";
        var list = arguments?.List(Key) ?? [];
        if (list.Count == 0 || Option(info, "vectors") is not { } option)
            return "vectors: [net_rx]";
        var words = new List<string>();
        foreach (var node in list)
        {
            if (node is YamlScalar { Text: var word } && option.Allowed.Contains(word))
                words.Add(word);
            else
                draft.Leave(node, $"softirq {Key}", $"allowed: {string.Join(", ", option.Allowed)}");
        }
        return words.Count == 0 ? "vectors: [net_rx]" : $"vectors: [{string.Join(", ", words.Distinct())}]";
    }

    private static ProbeOption? Option(ProbeInfo info, string name) => info.Options.FirstOrDefault(o => o.Name == name);
}
