using System.Text;
using Collector.Worker.Configuration;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>The labels of the one stream: few, for each set of values is a stream of its own to Loki.</summary>
internal static class LokiLabels
{
    /// <summary>As the API writes them: <c>{service_name="netlens", k8s_node_name="node-1"}</c>.</summary>
    public static string Of(LokiSettings settings)
    {
        var own = settings.Options.Form == LokiForm.KubeSkoop
            ? new Dictionary<string, string> { ["instance"] = settings.Node, ["job"] = "kubeskoop" }
            : new Dictionary<string, string> { ["service_name"] = "netlens", ["k8s_node_name"] = settings.Node };
        foreach (var pair in settings.Options.Labels.Split(',', StringSplitOptions.RemoveEmptyEntries))
            own[pair.Split('=')[0]] = pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..];
        return $"{{{string.Join(", ", own.Select(l => $"{l.Key}={Quoted(l.Value)}"))}}}";
    }

    /// <summary>An attribute's name as a label's: Loki does the same with those that come over OTLP.</summary>
    public static string Name(string attribute)
    {
        var name = new StringBuilder(attribute.Length);
        foreach (var c in attribute)
            name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        return name.Length > 0 && char.IsAsciiDigit(name[0]) ? $"_{name}" : name.ToString();
    }

    private static string Quoted(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
