using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>What can be looked at.</summary>
internal enum TopTab
{
    Findings,
    Pods,
    Listeners,
    Drops,
    Devices,
}

/// <summary>A column of a tab.</summary>
/// <param name="Heading">Also the name by which rows are sorted.</param>
/// <param name="Rank">The higher, the sooner it goes where there is no room; 0 stays.</param>
/// <param name="About">What it is, for the page of a row and the help.</param>
internal sealed record TopColumn(string Heading, int Rank, string About)
{
    /// <summary>Numbers stand at the right, and the largest comes first.</summary>
    public bool IsText { get; init; }

    /// <summary>Takes what room is left.</summary>
    public bool Takes { get; init; }

    /// <summary>Of one that takes what is left: columns that it has before others come in.</summary>
    public int Least { get; init; } = 16;

    /// <summary>Columns that it has at most.</summary>
    public int Most { get; init; } = 48;
}

/// <summary>A cell.</summary>
/// <param name="Text">Clean.</param>
/// <param name="Order">By which numbers are sorted; null: not known, which comes last.</param>
internal readonly record struct TopCell(string Text, double? Order = null);

/// <summary>A row.</summary>
/// <param name="Key">By which it is found again in the next collection.</param>
/// <param name="Severity"><c>error</c>, <c>warn</c> or nothing.</param>
/// <param name="Subject">Of which pod or namespace; "" of none.</param>
/// <param name="Cells">One per column.</param>
/// <param name="Source">What it was made of.</param>
internal sealed record TopRow(
    string Key, string Severity, string Subject, IReadOnlyList<TopCell> Cells, JsonElement Source)
{
    /// <summary>Whether each of these words is somewhere in it.</summary>
    public bool Has(IReadOnlyList<string> words) => words.All(word =>
        Cells.Any(cell => cell.Text.Contains(word, StringComparison.OrdinalIgnoreCase)));
}
