using System.Text;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>Values of KubeSkoop's Helm chart to values of ours.</summary>
internal static class ChartImport
{
    private const string Ignored = "KubeSkoop's chart ignores it";

    // What its chart has where values say nothing: since 1.0.
    private static readonly string[] Metrics =
    [
        "conntrack", "qdisc", "netdev", "io", "sock", "tcpsummary", "tcp", "tcpext", "udp", "packetloss", "flow",
        "tcpretrans",
    ];

    private static readonly string[] Events = ["tcpreset", "packetloss", "tcpretrans"];

    private static readonly string[] Sinks = ["stderr"];

    private static readonly YamlMapping Empty = new([], 1, 1);

    public static string Read(ImportSource source, ImportDraft draft)
    {
        var values = new ImportMap(source.Root, "", draft);
        Configuration(values.Map("config") ?? new ImportMap(Empty, "config", draft), draft);
        var pod = new StringBuilder();
        Agent(values.Map("agent") ?? new ImportMap(Empty, "agent", draft), pod, draft);
        draft.Set("prometheus.naming", "kubeskoop", source.Root, "names of metrics",
            "The names that KubeSkoop's dashboards have. otel are those of docs/metrics.md.");
        Console(values, draft);
        values.LeaveRest(Ignored);
        return Write(source, draft, pod.ToString());
    }

    private static void Configuration(ImportMap config, ImportDraft draft)
    {
        var probes = new ProbeImport(draft, ProbeImport.Open);
        probes.Add(List(config, "metricProbes", Metrics), "config.metricProbes", events: false);
        probes.Add(List(config, "eventProbes", Events), "config.eventProbes", events: true);
        probes.Write();
        LabelImport.Read(config.List("additionalLabels"), draft);
        SinkImport.Read(List(config, "eventSinks", Sinks), draft);
        config.LeaveRest(Ignored);
    }

    private static IReadOnlyList<YamlNode> List(ImportMap config, string name, string[] standard) =>
        config.Has(name) ? config.List(name) : [.. standard.Select(word => new YamlScalar(word, false, 1, 1))];

    private static void Agent(ImportMap agent, StringBuilder pod, ImportDraft draft)
    {
        var config = agent.Map("config") ?? new ImportMap(Empty, "agent.config", draft);
        var port = config.Text("port") ?? new YamlScalar("9102", false, 1, 1);
        ListenImport.Port(port, "agent.config.port", draft);
        if (config.Text("runtimeEndpoint") is { } socket)
            draft.Set("pods.runtimeEndpoint", socket.Text, socket, $"agent.config.runtimeEndpoint: {socket.Text}");
        if (config.Text("debug") is { Text: "true" } debug)
            draft.Set("logging.level", "debug", debug, "agent.config.debug: true");
        config.LeaveRest(Ignored);
        if (agent.Take("image") is { } image)
            draft.Leave(image, "agent.image", "is KubeSkoop's; image.repository and image.tag name yours");
        if (agent.Take("btfhack") is { } btf)
            draft.Leave(btf, "agent.btfhack", "not needed; btfFolder is for kernels without type information");
        Pod(agent, pod);
        agent.LeaveRest(Ignored);
    }

    private static void Pod(ImportMap agent, StringBuilder pod)
    {
        if (agent.Take("resources") is YamlMapping resources)
            pod.Append("\n# agent.resources; Netlens needs less (50m and 128Mi), which is its chart's default.\n")
                .Append("resources: ").Append(YamlFlow.Of(resources)).Append('\n');
        if (agent.Take("nodeSelector") is YamlMapping { Entries.Count: > 0 } selector)
            pod.Append("\n# agent.nodeSelector\nnodeSelector: ").Append(YamlFlow.Of(selector)).Append('\n');
        // The chart's own default is an empty map where a list belongs.
        if (agent.Take("tolerations") is { } tolerations)
            pod.Append("\n# agent.tolerations; without this line the pods run on every node, whatever its taints.\n")
                .Append("tolerations: ").Append(tolerations is YamlSequence ? YamlFlow.Of(tolerations) : "[]")
                .Append('\n');
    }

    private static void Console(ImportMap values, ImportDraft draft)
    {
        foreach (var part in new[] { "controller", "webconsole" })
        {
            if (values.Take(part) is { } node)
                draft.Leave(node, part, "Netlens has no controller and no web console");
        }
    }

    private static string Write(ImportSource source, ImportDraft draft, string pod)
    {
        const string Listen = "http.listen", Labels = "pods.labels";
        var text = new StringBuilder();
        ImportWriter.Head(text, "values for the chart", source);
        foreach (var (path, name) in new[] { (Listen, "listen"), (Labels, "podLabels") })
        {
            if (draft.Values.FirstOrDefault(v => v.Path == path) is { } value)
                ImportWriter.Value(text, value, name, 0);
        }
        text.Append("config:\n");
        ImportWriter.Sections(text, draft, 2, Listen, Labels);
        text.Append(pod);
        ImportWriter.Tail(text, draft);
        return text.ToString();
    }
}
