using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary><c>event.sinks</c>: where events go.</summary>
internal static class SinkImport
{
    private const string Json = "events.json";

    public static void Read(IReadOnlyList<YamlNode> sinks, ImportDraft draft)
    {
        foreach (var node in sinks)
        {
            var (name, arguments) = ProbeImport.Entry(node, "event.sinks", draft);
            Read(name, arguments, node, draft);
            arguments?.LeaveRest("KubeSkoop ignores it");
        }
    }

    /// <param name="address">Its address as KubeSkoop has it: without a port, which is always 3100.</param>
    public static void Loki(string address, YamlNode from, string was, ImportDraft draft)
    {
        var host = address.Contains(':') && !address.StartsWith('[') ? $"[{address}]" : address;
        draft.Set("loki.endpoint", $"http://{host}:3100", from, was);
        if (ImportDraft.Knows("loki.form"))
            draft.Set("loki.form", "kubeskoop", from, was, "The labels and lines that KubeSkoop sends.");
    }

    public static void StandardError(YamlNode from, string was, ImportDraft draft) => Lines(
        EventOptions.StandardOutput, from, was, "JSON lines on standard output; the log alone is on standard error.",
        draft);

    private static void Read(string? name, ImportMap? arguments, YamlNode from, ImportDraft draft)
    {
        switch (name)
        {
            case "stderr":
                StandardError(from, "event.sinks stderr", draft);
                break;
            case "file" when arguments?.Text("path") is { Text: var path }:
                Lines(path, from, $"event.sinks file, path: {path}", "", draft);
                break;
            case "loki" when arguments?.Text("addr") is { Text: var address }:
                Loki(address, from, $"event.sinks loki, addr: {address}", draft);
                break;
            case "file" or "loki":
                draft.Leave(from, $"event.sinks {name}", "has no argument " + (name == "file" ? "path" : "addr")
                    + "; KubeSkoop breaks off there");
                break;
            case not null:
                draft.Leave(from, $"event.sinks {name}", "is no sink of KubeSkoop: it has stderr, file and loki");
                break;
        }
    }

    private static void Lines(string target, YamlNode from, string was, string note, ImportDraft draft)
    {
        if (draft.Values.FirstOrDefault(v => v.Path == Json) is { } other)
            draft.Leave(from, was, $"{Json} has one target, and {other.Yaml} came first");
        else
            draft.Set(Json, target, from, was, note);
    }
}
