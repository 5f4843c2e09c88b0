using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>The encoded labels of a row, true as long as its namespace has this identity.</summary>
/// <param name="Encoder">The encoder that made them: another one may know the node by another name.</param>
/// <param name="Identity">The identity that they show.</param>
/// <param name="Derived">For metrics under their derived name: identity and all row tags.</param>
/// <param name="Legacy">For metrics under a legacy name: identity and the row tags that have a legacy key.</param>
internal sealed record RowLabels(
    RowLabelEncoder Encoder, NamespaceIdentity? Identity, LabelBlock Derived, LabelBlock Legacy);

/// <summary>Knows which labels a row carries in one naming, and keeps their bytes in the row.</summary>
internal sealed class RowLabelEncoder(MetricNaming naming, string nodeName)
{
    private readonly RowCacheSlot _slot = naming switch
    {
        MetricNaming.KubeSkoop => RowCacheSlot.PrometheusKubeSkoop,
        MetricNaming.Inspector => RowCacheSlot.PrometheusInspector,
        _ => RowCacheSlot.PrometheusOtel,
    };

    /// <summary>Label names that a row may carry for its identity: a fixed tag must not repeat one.</summary>
    public IReadOnlyList<string> IdentityNames { get; } = naming switch
    {
        MetricNaming.KubeSkoop => ["k8s_node", "k8s_namespace", "k8s_pod", "netns"],
        MetricNaming.Inspector => ["node", "namespace", "pod", "netns"],
        _ => [.. IdentityAttributes.Keys.Select(PrometheusNames.Label)],
    };

    /// <summary>The row's labels; encoded again only when its namespace got another identity.</summary>
    public RowLabels For(Row row)
    {
        var identity = row.Namespace?.Identity;
        if (row.GetCached(_slot) is RowLabels labels
            && ReferenceEquals(labels.Identity, identity) && ReferenceEquals(labels.Encoder, this))
        {
            return labels;
        }
        labels = Encode(row, identity);
        row.SetCached(_slot, labels);
        return labels;
    }

    private RowLabels Encode(Row row, NamespaceIdentity? identity)
    {
        var ns = row.Table.Scope is RowScope.Node ? null : row.Namespace;
        var common = IdentityLabels(ns, identity ?? NamespaceIdentity.None);
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
        return new(this, identity, block, naming is MetricNaming.Otel ? block : LabelBlock.Create(legacy));
    }

    private List<KeyValuePair<string, string>> IdentityLabels(NetNamespace? ns, NamespaceIdentity identity)
    {
        if (ns is null)
            identity = NamespaceIdentity.None;
        return naming is MetricNaming.Otel
            ? Otel(ns, identity)
            : [.. IdentityAttributes.Legacy(naming, nodeName, ns, identity)];
    }

    private static List<KeyValuePair<string, string>> Otel(NetNamespace? ns, NamespaceIdentity identity)
    {
        var tags = new List<Tag>();
        IdentityAttributes.Add(tags, ns, identity);
        // Keys of two labels may differ only in what no label name here can have.
        return
        [
            .. tags.Select(t => new KeyValuePair<string, string>(PrometheusNames.Label(t.Key), t.Value.Text))
                .DistinctBy(l => l.Key),
        ];
    }
}
