using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

internal enum ImportKind
{
    /// <summary>KubeSkoop's file since 1.0: <c>metrics</c> and <c>event</c>.</summary>
    KubeSkoop,

    /// <summary>The file of ACK Net Exporter and of KubeSkoop before 1.0: <c>metric_config</c>.</summary>
    Inspector,

    /// <summary>Values of KubeSkoop's Helm chart.</summary>
    ChartValues,
}

/// <summary>What is to be imported: a file itself, or what a ConfigMap among its documents holds.</summary>
/// <param name="Name">The file, and the ConfigMap, for places in messages.</param>
internal sealed record ImportSource(ImportKind Kind, YamlMapping Root, string Name)
{
    private const string ConfigKey = "config.yaml";

    private const string Known = "a file with the keys metrics and event or metric_config and event_config, a "
        + "ConfigMap that holds one under config.yaml, or values of KubeSkoop's chart with config.metricProbes or "
        + "agent";

    /// <summary>Null after errors.</summary>
    public static ImportSource? Find(string file, ReadOnlySpan<byte> content, ErrorList errors)
    {
        var documents = ConfigurationFile.ParseAll(file, content, errors);
        if (errors.Any)
            return null;
        foreach (var document in documents.OfType<YamlMapping>())
        {
            if (Of(document, file) is { } source)
                return source;
        }
        foreach (var map in documents.OfType<YamlMapping>().SelectMany(ConfigMaps))
        {
            if (OfConfigMap(map, file, errors) is { } source)
                return source;
            if (errors.Any)
                return null;
        }
        errors.Add(file, null, "holds no configuration of KubeSkoop or ACK Net Exporter", Known);
        return null;
    }

    private static ImportSource? Of(YamlMapping root, string name)
    {
        if (Has(root, "kind", "apiVersion"))
            return null;
        return Has(root, "metric_config", "event_config") ? new(ImportKind.Inspector, root, name)
            : Has(root, "metrics", "event") ? new(ImportKind.KubeSkoop, root, name)
            : Find(root, "config") is YamlMapping config && Has(config, "metricProbes", "eventProbes", "eventSinks")
                || Has(root, "agent", "webconsole") ? new(ImportKind.ChartValues, root, name)
            : null;
    }

    // Also of the List that `kubectl get configmap -o yaml` prints for several.
    private static IEnumerable<YamlMapping> ConfigMaps(YamlMapping document) =>
        (Find(document, "kind") as YamlScalar)?.Text switch
        {
            "ConfigMap" => [document],
            "List" or "ConfigMapList" when Find(document, "items") is YamlSequence items =>
                items.Items.OfType<YamlMapping>().SelectMany(ConfigMaps),
            _ => [],
        };

    private static ImportSource? OfConfigMap(YamlMapping map, string file, ErrorList errors)
    {
        if (Find(map, "data") is not YamlMapping data || Find(data, ConfigKey) is not YamlScalar { Text: var text })
            return null;
        var title = Find(map, "metadata") is YamlMapping metadata ? Find(metadata, "name") as YamlScalar : null;
        var name = $"{file}, ConfigMap {YamlText.Shown(title?.Text ?? "")}, {ConfigKey}";
        return ConfigurationFile.Parse(name, System.Text.Encoding.UTF8.GetBytes(text), errors) is YamlMapping root
            ? Of(root, name)
            : null;
    }

    private static bool Has(YamlMapping map, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Find(map, name) is not null)
                return true;
        }
        return false;
    }

    private static YamlNode? Find(YamlMapping map, string name) =>
        map.Entries.FirstOrDefault(e => e.Key is YamlScalar key && key.Text == name).Value;
}
