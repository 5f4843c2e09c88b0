namespace Collector.Core.Metrics;

/// <summary>
/// A metric as its probe declares it: one column of the probe's table. Instruments, Prometheus lines, the catalogue and
/// the documentation are all derived from here.
/// </summary>
/// <remarks>
/// Several metrics may share a <see cref="Name"/> when their <see cref="Tags"/> differ (receive and transmit). They
/// must then agree in unit, kind and description.
/// </remarks>
public sealed class Metric
{
    /// <summary>The value of a cell that the kernel did not give. It is not exported.</summary>
    public const long Absent = long.MinValue;

    /// <summary>OpenTelemetry name; empty for a metric that exists only under its legacy names.</summary>
    public required string Name { get; init; }

    /// <summary>UCUM unit of the exported value, from <see cref="Units"/>.</summary>
    public required string Unit { get; init; }

    public required InstrumentKind Kind { get; init; }

    /// <summary>One sentence, with the kernel's own name where there is one.</summary>
    public required string Description { get; init; }

    /// <summary>Attributes that every point of this column carries.</summary>
    public IReadOnlyList<Tag> Tags { get; init; } = [];

    /// <summary>
    /// Exported value = stored value * Scale. 1 keeps integers (the stored unit is the exported unit).
    /// </summary>
    public double Scale { get; init; } = 1;

    /// <summary>
    /// Full KubeSkoop names (<c>kubeskoop_netdev_rxbytes</c>); the first is the current one, others aliases.
    /// </summary>
    public IReadOnlyList<string> KubeSkoop { get; init; } = [];

    /// <summary>Full ACK Net Exporter names (<c>inspector_pod_netdevrxbytes</c>), the first is the usual one.</summary>
    public IReadOnlyList<string> Inspector { get; init; } = [];

    /// <summary>Legacy value = stored value * LegacyScale (KubeSkoop's <c>sock_mem</c> is in pages).</summary>
    public double LegacyScale { get; init; } = 1;

    /// <summary>
    /// Upper bounds of a histogram's buckets in the exported unit, ascending, inclusive; null otherwise.
    /// </summary>
    public IReadOnlyList<double>? Bounds { get; init; }

    /// <summary>Exported only where the probe's <c>include</c> setting asks for everything.</summary>
    public bool Optional { get; init; }

    /// <summary>The table that the metric belongs to. Set when the table is declared.</summary>
    public TableInfo Table { get; internal set; } = null!;

    /// <summary>First column of the metric in its table.</summary>
    public int Column { get; internal set; } = -1;

    /// <summary>Columns taken: 1, or for a histogram one per bucket (bounds + 1) and one for the sum.</summary>
    public int Width => Bounds is null ? 1 : Bounds.Count + 2;

    public override string ToString() => Name.Length > 0 ? Name : KubeSkoop.Count > 0 ? KubeSkoop[0] : Inspector[0];
}
