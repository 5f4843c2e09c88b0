using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>
/// The file <c>inspector-config</c> of ACK Net Exporter and KubeSkoop 0.x. The case of its keys does not matter.
/// </summary>
internal static class InspectorImport
{
    private const string Ignored = "it ignores this key";

    public static void Read(YamlMapping root, ImportDraft draft)
    {
        var file = new ImportMap(root, "", draft, ignoreCase: true);
        if (file.Text("debugmode") is { } debug)
        {
            draft.Set("logging.level", debug.Text.Equals("true", StringComparison.OrdinalIgnoreCase) ? "debug" : "info",
                debug, $"debugmode: {debug.Text}");
        }
        var probes = new ProbeImport(draft, ProbeImport.Legacy);
        if (file.Map("metric_config") is { } metrics)
            Metrics(metrics, probes, draft);
        if (file.Map("event_config") is { } events)
            Events(events, probes, draft);
        probes.Write();
        draft.Set("prometheus.naming", "inspector", root, "names of metrics",
            "The names that dashboards of ACK Net Exporter have. otel are those of docs/metrics.md.");
        file.LeaveRest(Ignored);
    }

    private static void Metrics(ImportMap metrics, ProbeImport probes, ImportDraft draft)
    {
        ListenImport.Port(metrics.Text("port"), "metric_config.port", draft);
        probes.Add(metrics.List("probes"), "metric_config.probes", events: false);
        if (metrics.Text("interval") is { } interval)
        {
            draft.Leave(interval, $"metric_config.interval: {interval.Text}", "it never had an effect there; here "
                + "collection.interval is the time between two looks, 15s");
        }
        if (metrics.Text("verbose") is { Text: "true" } verbose)
        {
            draft.Leave(verbose, "metric_config.verbose", "a pod's address is no label; its labels are pods.labels, "
                + "each by its key");
        }
        Labels(metrics.List("expose_labels"), draft);
        metrics.LeaveRest(Ignored);
    }

    private static void Labels(IReadOnlyList<YamlNode> labels, ImportDraft draft)
    {
        const string Key = "metric_config.expose_labels";
        var keys = new List<(string Key, string Was)>();
        foreach (var node in labels)
        {
            var map = node is YamlMapping entry ? new ImportMap(entry, Key, draft, ignoreCase: true) : null;
            var (source, type) = (map?.Text("source")?.Text, map?.Text("type")?.Text);
            var name = map?.Text("replace")?.Text ?? source;
            if (source is null)
                draft.Leave(node, Key, "an entry has no source");
            else if (type == "label")
                keys.Add((source, $"{source} (was {name})"));
            else
                draft.Leave(node, $"{Key} {source}", "not a pod's label; node, namespace and pod are always there");
            map?.LeaveRest(Ignored);
        }
        LabelImport.Write(keys, labels, Key, draft);
    }

    private static void Events(ImportMap events, ProbeImport probes, ImportDraft draft)
    {
        probes.Add(events.List("probes"), "event_config.probes", events: true);
        if (events.Text("infotolog") is { Text: "true" } log)
            SinkImport.StandardError(log, "event_config.infotolog", draft);
        var address = events.Text("loki_address");
        if (events.Switch("loki_enable") && address is { Text.Length: > 0 })
            SinkImport.Loki(address.Text, address, $"event_config.loki_address: {address.Text}", draft);
        else if (address is { Text.Length: > 0 })
            draft.Leave(address, "event_config.loki_address", "loki_enable is not true");
        if (events.Text("port") is { } port)
        {
            draft.Set("events.inspector", $"127.0.0.1:{port.Text}", port, $"event_config.port: {port.Text}",
                "Loopback only: the inspector's stream has neither token nor encryption.");
        }
        events.LeaveRest(Ignored);
    }
}
