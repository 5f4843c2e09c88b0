namespace Collector.Worker.Commands;

/// <summary>A table of plain text. How it is laid out depends on the width that there is.</summary>
/// <param name="headings">One per column.</param>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Blanks in front of every line.</summary>
    public int Indent { get; init; }

    public IReadOnlyList<string> Headings => headings;

    public IReadOnlyList<string[]> Rows => _rows;

    public void Row(params string[] cells) => _rows.Add([.. cells.Select(Output.Printable)]);

    /// <summary>The lines, headings first.</summary>
    /// <param name="width">Columns of the terminal; null where there is none: a line per row.</param>
    /// <returns>Each line, and whether it is one of headings.</returns>
    public IEnumerable<(string Line, bool Heading)> Lines(int? width)
    {
        var layout = TableLayout.Of(this, width - Indent - 1);
        var front = new string(' ', Indent);
        foreach (var line in layout.LinesOf(headings))
            yield return (front + line, true);
        foreach (var row in _rows)
        {
            foreach (var line in layout.LinesOf(row))
                yield return (line.Length == 0 ? "" : front + line, false);
        }
    }
}
