using Collector.Core.Metrics;

namespace Collector.Core.Compatibility;

/// <summary>A table that only the old namings have, made of the rows of another one.</summary>
/// <param name="Source">Id of the table that it is made of.</param>
/// <param name="Id">Its own id.</param>
internal sealed record RowViewInfo(string Source, string Id)
{
    /// <summary>Keys of the source's row tags that it keeps; null: all.</summary>
    public IReadOnlyList<string>? RowTags { get; init; }

    public required IReadOnlyList<ViewColumn> Columns { get; init; }
}

/// <summary>
/// A column of a view: the sum of columns of the source. Absent where the first of them is; another one that is absent
/// adds nothing.
/// </summary>
/// <param name="Name">What it is called: the key of its <see cref="LegacyName"/>.</param>
/// <param name="Of">The metrics added up, as <see cref="LegacyName.Metric"/> names them.</param>
internal sealed record ViewColumn(string Name, params string[] Of)
{
    /// <summary>The rows that it is taken from: those with this tag. Null: all.</summary>
    public Tag? Where { get; init; }

    /// <summary>Null: the source's.</summary>
    public string? Description { get; init; }

    /// <summary>Null: the source's.</summary>
    public string? Unit { get; init; }
}
