using Collector.Core.Metrics;

namespace Collector.Core.Compatibility;

/// <summary>The old names of the attributes that tell rows apart.</summary>
public static class LegacyLabels
{
    /// <summary>Before the labels of KubeSkoop's that no attribute has.</summary>
    private const string OfTuples = "netlens.tuple.";

    /// <summary>A label with the node's name, which whoever writes the series knows: the row's tag is empty.</summary>
    public const string NodeName = "node_name";

    /// <summary>Row tags that only KubeSkoop's naming has, as these labels.</summary>
    public static IEnumerable<TagKey> Tuple(params string[] labels) => labels.Select(l => new TagKey(OfTuples + l));

    extension(TagKey key)
    {
        /// <summary>Label name under an old metric name; null where it had none.</summary>
        public string? LegacyKey => key.Key switch
        {
            "netlens.softirq.vector" => "softirq_type",
            "netlens.slot" => "le",
            "netlens.rdma.device" => "device",
            "netlens.rdma.driver" => "type",
            "netlens.rdma.port" => "port",
            _ => key.Key.StartsWith(OfTuples, StringComparison.Ordinal) ? key.Key[OfTuples.Length..] : null,
        };
    }
}
