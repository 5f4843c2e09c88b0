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

    /// <summary>OpenTelemetry name.</summary>
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
    /// Upper bounds of a histogram's buckets in the exported unit, ascending, inclusive; null otherwise.
    /// </summary>
    public IReadOnlyList<double>? Bounds { get; init; }

    /// <summary>
    /// Leaves under its own name only where the probe's <c>include</c> setting asks for everything
    /// (<see cref="TableInfo.Whole"/>). Under an old name it always leaves.
    /// </summary>
    public bool Optional { get; init; }

    /// <summary>Never exported under its own name: it is there for other names of it (Compatibility).</summary>
    public bool Hidden { get; init; }

    /// <summary>True where it leaves under its own name.</summary>
    public bool Named => !Hidden && !Optional;

    /// <summary>The table that the metric belongs to. Set when the table is declared.</summary>
    public TableInfo Table { get; internal set; } = null!;

    /// <summary>First column of the metric in its table.</summary>
    public int Column { get; internal set; } = -1;

    /// <summary>Columns taken: 1, or for a histogram one per bucket (bounds + 1) and one for the sum.</summary>
    public int Width => Bounds is null ? 1 : Bounds.Count + 2;

    /// <summary>What only grows.</summary>
    public static Metric Counter(
        string name, string unit, string description, IReadOnlyList<Tag>? tags = null, double scale = 1,
        bool optional = false) =>
        Make(InstrumentKind.Counter, name, unit, description, tags, scale, optional);

    /// <summary>What grows and falls and may be added up.</summary>
    public static Metric UpDownCounter(
        string name, string unit, string description, IReadOnlyList<Tag>? tags = null, double scale = 1,
        bool optional = false) =>
        Make(InstrumentKind.UpDownCounter, name, unit, description, tags, scale, optional);

    /// <summary>What must not be added up.</summary>
    public static Metric Gauge(
        string name, string unit, string description, IReadOnlyList<Tag>? tags = null, double scale = 1,
        bool optional = false) =>
        Make(InstrumentKind.Gauge, name, unit, description, tags, scale, optional);

    /// <summary>A distribution.</summary>
    public static Metric Histogram(
        string name, string unit, string description, IReadOnlyList<double> bounds, double scale = 1) => new()
        {
            Name = name,
            Unit = unit,
            Kind = InstrumentKind.Histogram,
            Description = description,
            Bounds = bounds,
            Scale = scale,
        };

    /// <summary>A counter or level that is <see cref="Hidden"/>.</summary>
    public static Metric Unnamed(InstrumentKind kind, string name, string unit, string description) => new()
    {
        Name = name,
        Unit = unit,
        Kind = kind,
        Description = description,
        Hidden = true,
    };

    /// <summary>The same for another table, never optional.</summary>
    internal Metric Wanted() => new()
    {
        Name = Name,
        Unit = Unit,
        Kind = Kind,
        Description = Description,
        Tags = Tags,
        Scale = Scale,
        Bounds = Bounds,
        Hidden = Hidden,
    };

    /// <summary>
    /// A stored value in exported units, rounded once: 200 millionths are 0.0002, while 200 times the double next to a
    /// millionth is 0.00019999999999999998.
    /// </summary>
    public static double Scaled(long stored, double scale)
    {
        if (scale >= 1)
            return stored * scale;
        var parts = Math.Round(1 / scale);
        return Math.Abs(parts * scale - 1) < 1e-12 ? stored / parts : stored * scale;
    }

    public override string ToString() => Name;

    private static Metric Make(
        InstrumentKind kind, string name, string unit, string description, IReadOnlyList<Tag>? tags, double scale,
        bool optional) => new()
        {
            Name = name,
            Unit = unit,
            Kind = kind,
            Description = description,
            Tags = tags ?? [],
            Scale = scale,
            Optional = optional,
        };
}
