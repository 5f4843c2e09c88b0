using Collector.Core.Compatibility;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Prometheus;

/// <summary>The encoded labels of a row.</summary>
/// <param name="Derived">For metrics under their derived name: identity and all row tags.</param>
/// <param name="Legacy">For metrics under a legacy name: identity and the row tags that have a legacy key.</param>
internal sealed record RowLabels(AttributeSet Derived, AttributeSet Legacy);

/// <summary>Knows which labels a row carries in one naming, and keeps their bytes in the row.</summary>
internal sealed class RowLabelEncoder
{
    // By naming: two encoders of one naming, that know the node by different names, take turns.
    private static readonly RowCacheSlot[] Slots =
        [.. Enum.GetValues<MetricNaming>().Select(_ => new RowCacheSlot())];

    private readonly MetricNaming _naming;
    private readonly string _nodeName;
    private readonly RowCache<RowLabels> _cache;

    public RowLabelEncoder(MetricNaming naming, string nodeName)
    {
        _naming = naming;
        _nodeName = nodeName;
        _cache = new(Slots[(int)naming], Encode);
        IdentityNames = NamesOf(naming);
    }

    /// <summary>Label names that a row may carry for its identity: a fixed tag must not repeat one.</summary>
    public IReadOnlyList<string> IdentityNames { get; }

    private static string[] NamesOf(MetricNaming naming) => naming switch
    {
        MetricNaming.KubeSkoop => ["k8s_node", "k8s_namespace", "k8s_pod", "netns"],
        MetricNaming.Inspector => ["node", "namespace", "pod", "netns"],
        _ => [.. IdentityAttributes.Keys.Select(PrometheusNames.Label)],
    };

    /// <summary>The row's labels; encoded again only when its namespace got another identity.</summary>
    public RowLabels For(Row row) => _cache.Of(row);

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
        return new(block, _naming is MetricNaming.Otel ? block : LabelBlock.Create(legacy));
    }

    private List<KeyValuePair<string, string>> IdentityLabels(NetNamespace? ns, NamespaceIdentity identity)
    {
        if (ns is null)
            identity = NamespaceIdentity.None;
        return _naming is MetricNaming.Otel
            ? Otel(ns, identity)
            : [.. IdentityAttributes.Legacy(_naming, _nodeName, ns, identity)];
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
