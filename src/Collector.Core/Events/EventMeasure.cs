using Collector.Core.Metrics;

namespace Collector.Core.Events;

/// <summary>
/// The histogram that has counted an occurrence, by its duration: a metric, and which row of its table.
/// </summary>
/// <param name="Metric">A histogram that stores nanoseconds.</param>
/// <param name="Tags">One per <see cref="TableInfo.RowTags"/> of its table.</param>
public sealed record EventMeasure(Metric Metric, params TagValue[] Tags)
{
    /// <summary>
    /// The row is of the pod whose process it was, or of the node; else of the namespace that it happened in.
    /// </summary>
    public bool OfProcess { get; init; }
}
