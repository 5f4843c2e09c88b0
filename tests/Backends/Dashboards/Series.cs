using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Backends.Tests.Dashboards;

/// <summary>
/// Series of metrics as they are called in Prometheus, looked up in the catalogue: a name that no metric has, or that
/// does not leave by default, is an error.
/// </summary>
/// <param name="filter">Matchers that every selector gets.</param>
internal sealed class Series(string filter)
{
    private const string Window = "[$__rate_interval]";

    private static readonly ILookup<string, Metric> Named = NodeFactory.Catalogue
        .SelectMany(p => p.AllMetrics).Where(m => m.Named).ToLookup(m => m.Name);

    private static readonly HashSet<string> OfKubeSkoop =
        [.. NodeFactory.Catalogue.SelectMany(p => p.AllMetrics).SelectMany(m => m.KubeSkoop)];

    /// <summary>A selector.</summary>
    /// <param name="metric">OpenTelemetry name.</param>
    /// <param name="where">More matchers.</param>
    public string this[string metric, string where = ""] => Select(Find(metric), "", where);

    /// <summary>A figure of the agent about itself. Its queries are run against one: there it must be.</summary>
    public string Own(string name, string where = "") => $"{name}{Braces(where)}";

    /// <summary>Growth per second.</summary>
    public string Rate(string metric, string where = "") => $"rate({this[metric, where]}{Window})";

    public string OwnRate(string name, string where = "") => $"rate({Own(name, where)}{Window})";

    /// <summary>Sums of growth per second.</summary>
    /// <param name="by">Labels that stay; empty: none.</param>
    /// <param name="metric">OpenTelemetry name.</param>
    /// <param name="where">More matchers.</param>
    public string Rates(string by, string metric, string where = "") => Sum(by, Rate(metric, where));

    /// <summary>Sums of levels.</summary>
    public string Levels(string by, string metric, string where = "") => Sum(by, this[metric, where]);

    /// <summary>Buckets of a distribution, per second.</summary>
    public string Buckets(string by, string metric, string where = "") =>
        Sum(by.Length > 0 ? "le, " + by : "le", $"rate({Select(Find(metric), "_bucket", where)}{Window})");

    /// <summary>What a share of the occurrences stayed below.</summary>
    public string Quantile(double share, string by, string metric, string where = "") =>
        FormattableString.Invariant($"histogram_quantile({share}, {Buckets(by, metric, where)})");

    /// <summary>Sums of a figure under KubeSkoop's name.</summary>
    public string Old(string by, string name, bool grows = true)
    {
        if (!OfKubeSkoop.Contains(name))
            throw new InvalidOperationException($"no metric has the name {name}");
        return Sum(by, grows ? $"rate({name}{Braces("")}{Window})" : name + Braces(""));
    }

    public static string Sum(string by, string what) => by.Length > 0 ? $"sum by ({by}) ({what})" : $"sum({what})";

    /// <summary>Labels of a metric's series beside those of whom they are of.</summary>
    /// <returns>Those that its rows have, and those that each of its columns has.</returns>
    public static (HashSet<string> OfRows, HashSet<string> OfColumns) LabelsOf(string metric) => (
        [.. Named[metric].SelectMany(m => m.Table.RowTags).Select(t => PrometheusNames.Label(t.Key))],
        [.. Named[metric].SelectMany(m => m.Tags).Select(t => PrometheusNames.Label(t.Key))]);

    /// <summary>The name of a metric's samples.</summary>
    public static string NameOf(string metric) => PrometheusNames.Of(Find(metric), MetricNaming.Otel)[0].Name;

    private string Select(Metric metric, string suffix, string where)
    {
        var name = PrometheusNames.Of(metric, MetricNaming.Otel)[0].Name;
        var other = OverOtlp(metric, name);
        return other == name
            ? name + suffix + Braces(where)
            : Braces($"__name__=~\"{name}|{other}\"", where);
    }

    // A level's name loses "count" and the like on the agent's page; who receives OTLP keeps it.
    private static string OverOtlp(Metric metric, string name)
    {
        var last = metric.Name.Split('.', '_')[^1];
        return metric.Kind is InstrumentKind.Gauge or InstrumentKind.UpDownCounter
            && last is "count" or "sum" or "bucket" or "total" ? $"{name}_{last}" : name;
    }

    private string Braces(params string[] where)
    {
        var all = string.Join(',', where.Append(filter).Where(m => m.Length > 0));
        return all.Length > 0 ? "{" + all + "}" : "";
    }

    private static Metric Find(string metric) => Named[metric].FirstOrDefault()
        ?? throw new InvalidOperationException($"no metric that leaves by default has the name {metric}");
}
