using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>The encoded labels of a row, true as long as its subject has these names.</summary>
/// <param name="Encoder">The encoder that made them: another one may know the node by another name.</param>
/// <param name="Names">The names that they show.</param>
/// <param name="Derived">For metrics under their derived name: names and all row tags.</param>
/// <param name="Legacy">For metrics under a legacy name: names and the row tags that have a legacy key.</param>
internal sealed record RowLabels(RowLabelEncoder Encoder, SubjectNames Names, LabelBlock Derived, LabelBlock Legacy);

/// <summary>Knows which labels a row carries in one naming, and keeps their bytes in the row.</summary>
internal sealed class RowLabelEncoder(MetricNaming naming, string nodeName)
{
    private readonly SubjectNaming _subjects = SubjectNamings.Of(naming);

    private readonly RowCacheSlot _slot = naming switch
    {
        MetricNaming.KubeSkoop => RowCacheSlot.PrometheusKubeSkoop,
        MetricNaming.Inspector => RowCacheSlot.PrometheusInspector,
        _ => RowCacheSlot.PrometheusOtel,
    };

    /// <summary>Label names that a row may carry for its subject: a fixed tag must not repeat one.</summary>
    public IReadOnlyList<string> SubjectLabels { get; } =
        [.. SubjectNamings.Of(naming).Keys.Select(k => PrometheusNames.Label(k.Key))];

    /// <summary>The row's labels; encoded again only when its subject got other names.</summary>
    public RowLabels For(Row row)
    {
        var facts = SubjectFacts.Of(row.Subject, nodeName);
        if (row.GetCached(_slot) is RowLabels labels
            && ReferenceEquals(labels.Names, facts.Names) && ReferenceEquals(labels.Encoder, this))
        {
            return labels;
        }
        labels = Encode(row, facts);
        row.SetCached(_slot, labels);
        return labels;
    }

    private RowLabels Encode(Row row, in SubjectFacts facts)
    {
        var common = Labels(row.Table.Scope is RowScope.Node ? SubjectFacts.Of(null, nodeName) : facts);
        var keys = row.Table.RowTags;
        List<KeyValuePair<string, string>> derived = [.. common], legacy = [.. common];
        for (var i = 0; i < keys.Count; i++)
        {
            var value = row.Tags[i].Text;
            // What a kernel does not tell is not there, as over OTLP.
            if (value.Length > 0)
                derived.Add(new(PrometheusNames.Label(keys[i].Key), value));
            if (keys[i].LegacyKey is { } key)
                legacy.Add(new(PrometheusNames.LegacyLabel(key), value));
        }
        var block = LabelBlock.Create(derived);
        return new(this, facts.Names, block, naming is MetricNaming.Otel ? block : LabelBlock.Create(legacy));
    }

    private List<KeyValuePair<string, string>> Labels(in SubjectFacts facts)
    {
        var tags = new List<Tag>();
        _subjects.Add(tags, facts);
        // Keys of two labels may differ only in what no label name here can have.
        return
        [
            .. tags.Select(t => new KeyValuePair<string, string>(PrometheusNames.Label(t.Key), t.Value.Text))
                .DistinctBy(l => l.Key),
        ];
    }
}
