using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>
/// The file <c>kubeskoop-config</c> of KubeSkoop 1.x. Its keys are case-sensitive, and it ignores those that it does
/// not know: so does the import, but says so.
/// </summary>
internal static class KubeSkoopImport
{
    public static void Read(YamlMapping root, ImportDraft draft)
    {
        var file = new ImportMap(root, "", draft);
        if (file.Text("debugMode") is { } debug)
            draft.Set("logging.level", IsTrue(debug) ? "debug" : "info", debug, $"debugMode: {debug.Text}");
        ListenImport.Read(file, draft);
        Controller(file, draft);
        Read(file.Map("metrics"), file.Map("event"), draft);
        draft.Set("prometheus.naming", "kubeskoop", root, "names of metrics",
            "The names that KubeSkoop's dashboards have. otel are those of docs/metrics.md.");
        file.LeaveRest("KubeSkoop ignores it: it knows debugMode, port, address, enableController, controllerAddr, "
            + "metrics and event");
    }

    private static void Read(ImportMap? metrics, ImportMap? events, ImportDraft draft)
    {
        var probes = new ProbeImport(draft, ProbeImport.Open);
        if (metrics is not null)
        {
            probes.Add(metrics.List("probes"), "metrics.probes", events: false);
            LabelImport.Read(metrics.List("additionalLabels"), draft);
        }
        if (events is not null)
        {
            probes.Add(events.List("probes"), "event.probes", events: true);
            SinkImport.Read(events.List("sinks"), draft);
        }
        probes.Write();
        metrics?.LeaveRest("KubeSkoop ignores it: metrics has probes and additionalLabels");
        events?.LeaveRest("KubeSkoop ignores it: event has probes and sinks");
    }

    private static void Controller(ImportMap file, ImportDraft draft)
    {
        var address = file.Text("controllerAddr");
        if (file.Text("enableController") is not { } enabled || !IsTrue(enabled))
            return;
        draft.Leave(enabled, "enableController", "Netlens has no controller and no web console: every node answers by "
            + "itself (netlens once, list, doctor)");
        if (address is not null)
            draft.Leave(address, "controllerAddr", "goes with it");
    }

    private static bool IsTrue(YamlScalar scalar) => scalar.Text is "true" or "True" or "TRUE";
}
