using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>The encoded labels of a row.</summary>
/// <param name="Derived">For metrics under their derived name: names and all row tags.</param>
/// <param name="Legacy">For metrics under a legacy name: names and the row tags that have a legacy key.</param>
internal sealed record RowLabels(AttributeSet Derived, AttributeSet Legacy);

/// <summary>Knows which labels a row carries in one naming, and keeps their bytes in the row.</summary>
internal sealed class RowLabelEncoder
{
    // By naming: two encoders of one naming, that know the node by different names, take turns.
    private static readonly RowCacheSlot[] Slots =
        [.. Enum.GetValues<MetricNaming>().Select(_ => new RowCacheSlot())];

    private readonly MetricNaming _naming;
    private readonly string _nodeName;
    private readonly SubjectNaming _subjects;
    private readonly RowCache<RowLabels> _cache;

    public RowLabelEncoder(MetricNaming naming, string nodeName)
    {
        _naming = naming;
        _nodeName = nodeName;
        _cache = new(Slots[(int)naming], Encode);
        _subjects = SubjectNamings.Of(naming);
        SubjectLabels = [.. _subjects.Keys.Select(k => PrometheusNames.Label(k.Key))];
    }

    /// <summary>Label names that a row may carry for its subject: a fixed tag must not repeat one.</summary>
    public IReadOnlyList<string> SubjectLabels { get; }

    /// <summary>The row's labels; encoded again only when its subject got other names.</summary>
    public RowLabels For(Row row) => _cache.Of(row);

    private RowLabels Encode(Row row, SubjectNames names)
    {
        var common = Labels(row.Table, row.Table.Scope is RowScope.Node
            ? SubjectFacts.Of(null, _nodeName)
            : new SubjectFacts(row.Subject, names, _nodeName));
        var keys = row.Table.RowTags;
        List<KeyValuePair<string, string>> derived = [.. common], legacy = [.. common];
        for (var i = 0; i < keys.Count; i++)
        {
            var value = row.Tags[i].Text;
            // What a kernel does not tell is not there, as over OTLP.
            if (value.Length > 0)
                derived.Add(new(PrometheusNames.Label(keys[i].Key), value));
            if (keys[i].LegacyKey is { } key)
                legacy.Add(new(PrometheusNames.LegacyLabel(key), key == LegacyLabels.NodeName ? _nodeName : value));
        }
        var block = LabelBlock.Create(derived);
        return new(block, _naming is MetricNaming.Otel ? block : LabelBlock.Create(legacy));
    }

    private List<KeyValuePair<string, string>> Labels(TableInfo table, in SubjectFacts facts)
    {
        var tags = new List<Tag>();
        _subjects.Add(tags, facts);
        // Keys of two labels may differ only in what no label name here can have; a pod's label gives way.
        return
        [
            .. tags.Select(t => new KeyValuePair<string, string>(PrometheusNames.Label(t.Key), t.Value.Text))
                .DistinctBy(l => l.Key)
                .Where(l => SubjectLabels.Contains(l.Key) || !LabelsOf(table).Contains(l.Key)),
        ];
    }

    // What the lines of a table may carry beside whose they are: a line with a label twice fails the whole page.
    private static IEnumerable<string> LabelsOf(TableInfo table) => table.RowTags
        .SelectMany(k => k.LegacyKey is { } old ? [PrometheusNames.LegacyLabel(old), k.Key] : new[] { k.Key })
        .Concat(table.Metrics.SelectMany(m => m.Tags).Select(t => t.Key))
        .Concat(table.Metrics.Any(m => m.Bounds is not null) ? ["le"] : [])
        .Select(PrometheusNames.Label);
}
