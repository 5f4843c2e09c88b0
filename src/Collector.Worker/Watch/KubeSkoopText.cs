using System.Text.Json;

namespace Collector.Worker.Watch;

/// <summary>Events in the words of KubeSkoop and of ACK Net Exporter.</summary>
internal static class KubeSkoopText
{
    private const string Pod = "k8s.pod.name";
    private const string PodNamespace = "k8s.namespace.name";

    /// <summary>Their probes whose events name both ends, not the pod.</summary>
    private static readonly string[] OfTuples = ["packetloss", "tcpretrans"];

    /// <summary>Theirs where they have one, else ours.</summary>
    public static string TypeOf(WatchLine line) => line["netlens.event.legacy_type"] ?? line.Kind;

    /// <summary>The line of the sinks: <c>timestamp</c>, <c>type</c>, <c>labels</c>, <c>msg</c>.</summary>
    public static string Json(WatchLine line, string node) => JsonText.Of(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("timestamp", line.ObservedTime);
        json.WriteString("type", TypeOf(line));
        json.WriteStartArray("labels");
        foreach (var (name, value) in Labels(line, node))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("value", value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("msg", line.Message);
        json.WriteEndObject();
    });

    /// <summary>" Namespace=shop Pod=web-0 Node=node-1 Netns=4026532314".</summary>
    public static string Subject(WatchLine line, string node) =>
        $" Namespace={line[PodNamespace]} Pod={line[Pod]} Node={node} Netns={line["netlens.netns"]}";

    /// <summary>" 10.0.0.2:80 -> 10.0.0.9:4711", or the message where there are no ends.</summary>
    public static string Flow(WatchLine line) => line["source.address"] is { } source
        ? $" {End(source, line["source.port"])} -> {End(line["destination.address"], line["destination.port"])}"
        : $" {line.Message}";

    /// <summary>The pod as namespace/name, else the namespace's name or number.</summary>
    public static string Owner(WatchLine line) => line[Pod] is { } pod
        ? $"{line[PodNamespace]}/{pod}"
        : line["netlens.netns.name"] ?? (line["netlens.netns"] is { } inode ? $"ns{inode}" : "-");

    private static string End(string? address, string? port) => port is null ? address ?? "" : $"{address}:{port}";

    private static IEnumerable<(string Name, string Value)> Labels(WatchLine line, string node)
    {
        if (line.Probe == "softirq")
            return [("type", line["netlens.softirq.vector"] ?? "")];
        if (!OfTuples.Contains(line.Probe) || line["source.address"] is null)
            return [("pod", line[Pod] ?? ""), ("namespace", line[PodNamespace] ?? ""), ("node", node)];
        return
        [
            ("protocol", (line["network.transport"] ?? "").ToUpperInvariant()),
            .. Side("src", line["source.address"], line["netlens.source.pod"]),
            .. Side("dst", line["destination.address"], line["netlens.destination.pod"]),
            ("sport", line["source.port"] ?? "0"), ("dport", line["destination.port"] ?? "0"),
        ];
    }

    private static (string Name, string Value)[] Side(string side, string? address, string? pod)
    {
        var names = pod?.Split('/') ?? [];
        return
        [
            (side, address ?? ""), ($"{side}_type", pod is null ? "unknown" : "pod"), ($"{side}_node", ""),
            ($"{side}_namespace", names is [var first, _] ? first : ""),
            ($"{side}_pod", names is [_, var second] ? second : ""),
        ];
    }
}
