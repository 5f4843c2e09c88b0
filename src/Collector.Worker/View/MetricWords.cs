using System.Text;
using System.Text.RegularExpressions;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.View;

/// <summary>What a metric is called elsewhere: by the kernel, at a Prometheus.</summary>
internal static partial class MetricWords
{
    /// <summary>Where the figures of each table are read, by its id.</summary>
    public static IReadOnlyDictionary<string, string> Sources(IReadOnlyList<ProbeInfo> catalogue)
    {
        var sources = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var probe in catalogue)
        {
            foreach (var table in probe.Tables)
                sources[table.Id] = probe.Source;
        }
        return sources;
    }

    /// <summary>
    /// The kernel's own name, which stands in brackets in a description: <c>Tcp RetransSegs</c>, <c>sk_drops</c>. Null
    /// where it has none.
    /// </summary>
    public static string? Kernel(Metric metric)
    {
        foreach (var match in Brackets().Matches(metric.Description).Reverse())
        {
            var text = Since().Replace(match.Groups["word"].Value, "");
            var isLast = metric.Description.EndsWith(match.Value + ".", StringComparison.Ordinal);
            if (Name().IsMatch(text) || (isLast && Word().IsMatch(text)))
                return text;
        }
        return null;
    }

    /// <summary>A metric's kind in one word.</summary>
    public static string KindOf(Metric metric) => metric.Kind.ToString().ToLowerInvariant();

    /// <summary>What tells a series from others of its name and subject.</summary>
    public static IReadOnlyDictionary<string, string> Tags(Metric metric, Row row)
    {
        var tags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in metric.Tags)
            tags[key] = value.Text;
        for (var i = 0; i < row.Tags.Count; i++)
        {
            if (row.Tags[i].Text.Length > 0)
                tags[row.Table.RowTags[i].Key] = row.Tags[i].Text;
        }
        return tags;
    }

    /// <summary>What shows the same at a Prometheus that scrapes the agent; null: it does not leave.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="subject">Of whom; null: of all.</param>
    /// <param name="tags">What else is wanted.</param>
    public static string? Promql(
        Metric metric, Subject? subject = null, IEnumerable<KeyValuePair<string, string>>? tags = null)
    {
        if (PrometheusNames.Of(metric, MetricNaming.Otel) is not [var name, ..])
            return null;
        var labels = Labels(subject, tags ?? []);
        return metric.Kind switch
        {
            InstrumentKind.Counter => $"rate({name.Name}{labels}[1m])",
            InstrumentKind.Histogram =>
                $"histogram_quantile(0.99, sum by (le) (rate({name.Name}_bucket{labels}[1m])))",
            _ => name.Name + labels,
        };
    }

    private static string Labels(Subject? subject, IEnumerable<KeyValuePair<string, string>> tags)
    {
        var labels = new List<string>();
        if (subject is not null)
        {
            var names = new List<Tag>();
            SubjectNaming.Otel.Add(names, SubjectFacts.Of(subject));
            // A pod's namespace is another one after each restart; its name is what is meant.
            var isPod = subject.Names.PodName is not null;
            foreach (var (key, value) in names)
            {
                if (isPod ? key is "k8s.pod.name" or "k8s.namespace.name" : key is "netlens.netns" or "netlens.scope")
                    labels.Add(Label(key, value.Text));
            }
        }
        labels.AddRange(tags.Select(t => Label(t.Key, t.Value)));
        return labels.Count == 0 ? "" : $"{{{string.Join(',', labels)}}}";
    }

    private static string Label(string key, string value)
    {
        var text = new StringBuilder(PrometheusNames.Label(key)).Append("=\"");
        foreach (var c in value)
            text.Append(c switch { '\\' => "\\\\", '"' => "\\\"", '\n' => "\\n", _ => c.ToString() });
        return text.Append('"').ToString();
    }

    [GeneratedRegex(@"\((?<word>[^()]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Brackets();

    [GeneratedRegex(@", (since )?Linux [0-9.]+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Since();

    // "Tcp InSegs, OutSegs", "sockstat: TCP tw", "sk_ack_backlog", "rchar_x, wchar_y".
    [GeneratedRegex(
        "^((MPTcpExt|TcpExt|Tcp|UdpLite6?|Udp6?|IpExt|Ip6?|Icmp6?|Raw) [A-Za-z0-9]+(, [A-Za-z0-9]+)*|Xfrm[A-Za-z]+"
        + "|(sockstat|ip_vs_stats): [A-Za-z ]+|(?!fin_wait)[a-z0-9]+(_[a-z0-9]+)+(, [a-z0-9_]+)*)$",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Name();

    [GeneratedRegex("^(?!idle$)[a-z]{3,}$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Word();
}
