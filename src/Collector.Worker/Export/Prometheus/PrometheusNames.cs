using System.Text;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Prometheus;

/// <summary>Where a name comes from: it decides the labels and the scale of its samples.</summary>
public enum PrometheusNameOrigin
{
    /// <summary>Derived from the OpenTelemetry name: with unit and type suffixes, row tags and fixed tags.</summary>
    Otel,

    /// <summary>Taken over from KubeSkoop or ACK Net Exporter, letter by letter.</summary>
    Legacy,
}

/// <summary>A name under which a metric leaves.</summary>
/// <param name="Name">Family name as text format 0.0.4 has it: a derived counter's ends in <c>_total</c>.</param>
/// <param name="Unit">The unit that the name ends in (before <c>_total</c>), empty where it does not.</param>
/// <param name="Origin">Derived or taken over.</param>
public readonly record struct PrometheusName(string Name, string Unit, PrometheusNameOrigin Origin);

/// <summary>Turns OpenTelemetry names into Prometheus names.</summary>
/// <remarks>
/// The rules are those of the OpenTelemetry specification (compatibility/prometheus_and_openmetrics.md) as Prometheus
/// applies them to OTLP (translation strategy UnderscoreEscapingWithSuffixes), so that a metric is called the same
/// whether it was scraped or pushed. One exception is documented in docs/prometheus.md: see <see cref="Reserved"/>.
/// </remarks>
public static class PrometheusNames
{
    private const string Total = "total";
    private const string Ratio = "ratio";

    /// <summary>
    /// Endings that belong to histograms and counters. <c>promtool check metrics</c> rejects a gauge that has one
    /// (<c>system.network.connection.count</c>), so gauges lose it.
    /// </summary>
    private static readonly string[] Reserved = ["count", "sum", "bucket", Total];

    /// <summary>All names of a metric in a naming; none where it does not leave in that naming.</summary>
    public static IReadOnlyList<PrometheusName> Of(Metric metric, MetricNaming naming)
    {
        var legacy = naming switch
        {
            MetricNaming.KubeSkoop => metric.KubeSkoop,
            MetricNaming.Inspector => metric.Inspector,
            _ => [],
        };
        if (legacy.Count > 0)
            return [.. legacy.Distinct().Select(name => new PrometheusName(name, "", PrometheusNameOrigin.Legacy))];
        return metric.Named ? [Derive(metric)] : [];
    }

    /// <summary>A label name: <c>[a-zA-Z_][a-zA-Z0-9_]*</c>, never one that Prometheus keeps to itself.</summary>
    public static string Label(string key)
    {
        var label = Sanitize(key, ':');
        if (label.Length == 0)
            return "key";
        // __x is dropped after relabelling; le tells buckets apart. Sanitize has already joined underscores.
        return char.IsAsciiDigit(label[0]) || label is "le" ? "key_" + label : label;
    }

    /// <summary>
    /// A label name under a legacy name. There <c>le</c> stays: ACK Net Exporter called the slots of its distributions
    /// so, which were no Prometheus histograms (docs/kubeskoop.md). Tables that have it have no histograms.
    /// </summary>
    public static string LegacyLabel(string key) => key is "le" ? key : Label(key);

    private static PrometheusName Derive(Metric metric)
    {
        var tokens = Sanitize(metric.Name).Split('_', StringSplitOptions.RemoveEmptyEntries).ToList();
        var (main, per) = PrometheusUnits.WordsOf(metric.Unit);
        if (metric.Kind is InstrumentKind.Counter)
            tokens.RemoveAll(t => t == Total);
        else if (metric.Kind is not InstrumentKind.Histogram)
            DropReserved(tokens);
        if (metric is { Unit: Units.One, Kind: InstrumentKind.Gauge })
        {
            tokens.RemoveAll(t => t == Ratio);
            main = Ratio;
        }
        var unit = AppendUnit(tokens, main, per);
        if (metric.Kind is InstrumentKind.Counter)
            tokens.Add(Total);
        var name = string.Join('_', tokens);
        return new(name.Length == 0 || char.IsAsciiDigit(name[0]) ? "_" + name : name, unit, PrometheusNameOrigin.Otel);
    }

    /// <summary>
    /// Appends the words of the unit that the name does not have; gives the unit that the name ends in.
    /// </summary>
    private static string AppendUnit(List<string> tokens, string main, string per)
    {
        if (main.Length > 0 && !tokens.Contains(main))
            tokens.AddRange(Sanitize(main).Split('_', StringSplitOptions.RemoveEmptyEntries));
        if (per.Length > 0 && !tokens.Contains(per))
            tokens.AddRange(["per", .. Sanitize(per).Split('_', StringSplitOptions.RemoveEmptyEntries)]);
        var unit = per.Length == 0 ? main : main.Length == 0 ? "per_" + per : main + "_per_" + per;
        // OpenMetrics allows a UNIT line only where the name ends in the unit.
        return unit.Length > 0 && ("_" + string.Join('_', tokens)).EndsWith("_" + unit, StringComparison.Ordinal)
            ? unit
            : "";
    }

    private static void DropReserved(List<string> tokens)
    {
        while (tokens.Count > 1 && Reserved.Contains(tokens[^1]))
            tokens.RemoveAt(tokens.Count - 1);
    }

    /// <summary>Runs of characters outside [a-zA-Z0-9:] become one underscore each.</summary>
    private static string Sanitize(string name, char alsoInvalid = '\0')
    {
        var result = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c) || (c == ':' && c != alsoInvalid))
                result.Append(c);
            else if (result.Length == 0 || result[^1] != '_')
                result.Append('_');
        }
        return result.ToString();
    }
}
