namespace Collector.Core.Probes;

public enum OptionKind
{
    Boolean,
    Integer,
    Duration,
    Text,
    Choice,
    List,
}

/// <summary>An argument of a probe in the configuration, declared beside the probe.</summary>
/// <param name="Name">Key in the file, camelCase.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Default">Default as it would be written in the file; lists comma-separated.</param>
/// <param name="Description">One sentence.</param>
public sealed record ProbeOption(string Name, OptionKind Kind, string Default, string Description)
{
    /// <summary>Values allowed for <see cref="OptionKind.Choice"/> and for the items of a list; empty: any.</summary>
    public IReadOnlyList<string> Allowed { get; init; } = [];

    /// <summary>Least and greatest value of an integer, or of a duration in milliseconds.</summary>
    public long Minimum { get; init; }

    public long Maximum { get; init; } = long.MaxValue;
}
