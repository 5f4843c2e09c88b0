using Collector.Core.Metrics;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Prometheus;

/// <summary>One column of a family.</summary>
/// <param name="Metric">The metric whose cells become samples.</param>
/// <param name="Origin">Whether it leaves under its derived or a legacy name.</param>
public readonly record struct PrometheusColumn(Metric Metric, PrometheusNameOrigin Origin);

/// <summary>All samples of one name.</summary>
/// <param name="Name">Name as text format 0.0.4 has it.</param>
/// <param name="Type">counter, gauge or histogram.</param>
/// <param name="Unit">Unit that the name ends in, or empty.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Columns">Where the samples come from.</param>
public sealed record PrometheusFamily(
    string Name, string Type, string Unit, string Help, IReadOnlyList<PrometheusColumn> Columns)
{
    /// <summary>Name of the family in OpenMetrics: a counter's without <c>_total</c>.</summary>
    public string BaseName => Type == PrometheusCatalogue.Counter && Name.EndsWith("_total", StringComparison.Ordinal)
        ? Name[..^"_total".Length]
        : Name;
}

/// <summary>Which families a set of tables gives in a naming, in the order of the tables.</summary>
public sealed class PrometheusCatalogue
{
    public const string Counter = "counter";
    public const string Gauge = "gauge";
    public const string Histogram = "histogram";

    private readonly MetricNaming _naming;
    private readonly Dictionary<string, PrometheusFamily> _byName = [];
    private readonly Dictionary<string, string> _claimed = [];
    private readonly List<PrometheusFamily> _families = [];
    private readonly List<string> _conflicts = [];

    public PrometheusCatalogue(IEnumerable<TableInfo> tables, MetricNaming naming)
    {
        _naming = naming;
        foreach (var metric in tables.SelectMany(t => t.Metrics))
        {
            foreach (var name in PrometheusNames.Of(metric, naming))
                Add(metric, name);
        }
    }

    public IReadOnlyList<PrometheusFamily> Families => _families;

    /// <summary>
    /// Metrics that are left out because another one has their name with another type: a mistake in descriptors, one
    /// sentence each. The page stays valid.
    /// </summary>
    public IReadOnlyList<string> Conflicts => _conflicts;

    private void Add(Metric metric, PrometheusName name)
    {
        var type = TypeOf(metric.Kind);
        var column = new PrometheusColumn(metric, name.Origin);
        if (_byName.TryGetValue(name.Name, out var family))
        {
            if (family.Type == type)
                ((List<PrometheusColumn>)family.Columns).Add(column);
            else
                _conflicts.Add($"{metric} of table {metric.Table.Id}: {name.Name} is a {family.Type}, not a {type}");
            return;
        }
        family = new(name.Name, type, name.Unit, metric.Description, new List<PrometheusColumn> { column });
        if (Clash(family) is { } other)
        {
            _conflicts.Add($"{metric} of table {metric.Table.Id}: {name.Name} clashes with samples of {other}");
            return;
        }
        foreach (var sample in SampleNames(family))
            _claimed.Add(sample, family.Name);
        _byName.Add(name.Name, family);
        _families.Add(family);
    }

    private string? Clash(PrometheusFamily family)
    {
        foreach (var sample in SampleNames(family))
        {
            if (_claimed.TryGetValue(sample, out var other))
                return other;
        }
        return null;
    }

    /// <summary>The names that a family's samples and its metadata use, in either format.</summary>
    private HashSet<string> SampleNames(PrometheusFamily family)
    {
        HashSet<string> names = [family.Name];
        if (family.Type == Histogram)
            names.UnionWith([family.Name + "_bucket", family.Name + "_sum", family.Name + "_count"]);
        // Only pages in otel naming are ever written as OpenMetrics.
        if (_naming is MetricNaming.Otel && family.Type != Gauge)
            names.UnionWith([family.BaseName, family.BaseName + "_created"]);
        return names;
    }

    private static string TypeOf(InstrumentKind kind) => kind switch
    {
        InstrumentKind.Counter => Counter,
        InstrumentKind.Histogram => Histogram,
        _ => Gauge,
    };
}
