using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Collector.Core.Metrics;

namespace Collector.Core.Compatibility;

/// <summary>The old names of metrics.</summary>
public static class LegacyNames
{
    private static readonly LegacyName None = new("");

    private static readonly ConditionalWeakTable<Metric, LegacyName> Known = [];

    /// <summary>All names, family by family.</summary>
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LinkNames.All, .. SoftirqNames.All, .. MibNames.All, .. SocketNames.All, .. TableNames.All,
        .. ProcessNames.All, .. SlabNames.All, .. RdmaNames.All, .. DropNames.All, .. VirtioNames.All,
        .. LatencyNames.All, .. FlowNames.All,
    ];

    private static readonly FrozenDictionary<string, LegacyName> ByMetric = All.ToFrozenDictionary(n => n.Metric);

    extension(Metric metric)
    {
        /// <summary>Its old names; none for most.</summary>
        public LegacyName Legacy => Known.GetValue(metric, static m => ByMetric.GetValueOrDefault(KeyOf(m), None));

        public IReadOnlyList<string> KubeSkoop => metric.Legacy.KubeSkoop;

        public IReadOnlyList<string> Inspector => metric.Legacy.Inspector;

        public double LegacyScale => metric.Legacy.Scale;

        /// <summary>Gives a metric other old names than the tables have.</summary>
        public Metric Called(LegacyName name)
        {
            Known.AddOrUpdate(metric, name);
            return metric;
        }
    }

    /// <summary>What <see cref="LegacyName.Metric"/> is for a metric.</summary>
    internal static string KeyOf(Metric metric) =>
        string.Join(' ', metric.Tags.Select(t => t.Value.Text).Prepend(metric.Name));
}
