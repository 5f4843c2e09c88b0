using Collector.Core.Events;
using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>What an exemplar is written as.</summary>
public enum ExemplarForm
{
    /// <summary>A field of an OTLP data point.</summary>
    Otlp,

    /// <summary>The end of an OpenMetrics line.</summary>
    OpenMetrics,
}

/// <summary>The newest slow occurrence of a histogram's bucket. Immutable but for what exporters keep in it.</summary>
/// <param name="e">What happened; it was measured.</param>
/// <param name="tick">Number of the first collection that has it.</param>
public sealed class Exemplar(NetworkEvent e, long tick)
{
    private readonly byte[]?[] _encoded = new byte[]?[2];

    public NetworkEvent Event => e;

    /// <summary>In the unit of its metric.</summary>
    public double Value { get; } = Metric.Scaled(e.Duration ?? 0, e.Measured!.Metric.Scale);

    public long Tick => tick;

    /// <summary>It in a form, made when first asked for.</summary>
    public byte[] As(ExemplarForm form, Func<Exemplar, byte[]> encode) => _encoded[(int)form] ??= encode(this);
}
