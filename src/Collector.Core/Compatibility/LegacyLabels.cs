using Collector.Core.Metrics;

namespace Collector.Core.Compatibility;

/// <summary>The old names of the attributes that tell rows apart.</summary>
public static class LegacyLabels
{
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
            _ => null,
        };
    }
}
