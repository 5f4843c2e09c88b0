using System.Globalization;
using System.Text;

namespace Pods.Tests.Lab;

/// <summary>One line of a page in Prometheus' text format.</summary>
internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value)
{
    public string? this[string label] => Labels.GetValueOrDefault(label);

    public string? Pod => this["k8s_pod_name"] is { } name ? $"{this["k8s_namespace_name"]}/{name}" : null;

    public bool Has(params (string Label, string Value)[] labels) => labels.All(l => this[l.Label] == l.Value);
}

/// <summary>What /metrics answered.</summary>
internal sealed class Page
{
    public Page(string text)
    {
        Text = text;
        Samples = [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(Read)];
    }

    public string Text { get; }

    public IReadOnlyList<Sample> Samples { get; }

    /// <summary>When its snapshot was taken, Unix seconds.</summary>
    public double Time => Value("netlens_snapshot_time_seconds");

    /// <summary>Pods that the page names, as namespace/name.</summary>
    public IReadOnlySet<string> Pods => Samples.Select(s => s.Pod).OfType<string>().ToHashSet();

    /// <summary>
    /// Of the pod's namespace, or what a pod on the host network has. A process that is in the cgroup of any other pod
    /// and not yet in its namespace counts for the pod too, with the scope "pod"; that is not among these.
    /// </summary>
    public IReadOnlyList<Sample> OfPod(Pod pod) =>
        [.. OfPod(pod.Uid).Where(s => pod.HostNetwork || s["netlens_scope"] != "pod")];

    public IReadOnlyList<Sample> OfPod(string uid) => [.. Samples.Where(s => s["k8s_pod_uid"] == uid)];

    /// <summary>Everything that a namespace of its own counts for some pod.</summary>
    public IEnumerable<Sample> Named =>
        Samples.Where(s => s["k8s_pod_uid"] is not null && s["netlens_scope"] == "namespace");

    public IReadOnlyList<Sample> OfNetns(ulong inode) =>
        [.. Samples.Where(s => s["netlens_netns"] == inode.ToString(CultureInfo.InvariantCulture))];

    /// <summary>The one sample of a name that has these labels.</summary>
    public double Value(string name, params (string Label, string Value)[] labels) =>
        Samples.Single(s => s.Name == name && s.Has(labels)).Value;

    /// <summary>Sum of all samples of a name that have these labels; 0 without any.</summary>
    public double Sum(string name, params (string Label, string Value)[] labels) =>
        Samples.Where(s => s.Name == name && s.Has(labels)).Sum(s => s.Value);

    /// <summary>A gauge that is 0 or 1 and may have the ending that Prometheus gives to unit 1.</summary>
    public bool Connected => Samples.Single(s => s.Name is "netlens_pods_runtime_connected"
        or "netlens_pods_runtime_connected_ratio").Value == 1;

    /// <summary>Failed calls of the runtime, of one method or of all.</summary>
    public double Failures(string method = "") => method.Length == 0
        ? Sum("netlens_pods_runtime_failures_total")
        : Sum("netlens_pods_runtime_failures_total", ("rpc_method", method));

    /// <summary>Sandboxes, or parts of one, that were refused for a reason.</summary>
    public double Rejected(string reason) => Samples
        .Where(s => s.Name == "netlens_pods_rejected_total" && s.Labels.Values.Contains(reason)).Sum(s => s.Value);

    private static Sample Read(string line)
    {
        var brace = line.IndexOf('{', StringComparison.Ordinal);
        var space = line.LastIndexOf(' ');
        var labels = new Dictionary<string, string>();
        if (brace >= 0)
            ReadLabels(line, brace + 1, labels);
        var name = brace >= 0 ? line[..brace] : line[..space];
        return new Sample(name, labels, Number(line[(space + 1)..]));
    }

    private static double Number(string text) =>
        text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);

    private static void ReadLabels(string line, int at, Dictionary<string, string> labels)
    {
        while (line[at] != '}')
        {
            var equals = line.IndexOf('=', at);
            var key = line[at..equals];
            var value = new StringBuilder();
            for (at = equals + 2; line[at] != '"'; at++)
                value.Append(line[at] != '\\' ? line[at] : line[++at] == 'n' ? '\n' : line[at]);
            labels.Add(key, value.ToString());
            at++;
            if (line[at] == ',')
                at++;
        }
    }
}
