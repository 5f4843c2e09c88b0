namespace Collector.ScaleRun;

/// <summary>A table of Markdown whose columns are straight.</summary>
internal static class MarkdownTable
{
    /// <param name="to">Where to.</param>
    /// <param name="corner">What the rows are.</param>
    /// <param name="of">Rows with their cells by column; a cell that one does not have is empty.</param>
    public static void Print(
        TextWriter to, string corner, IEnumerable<(string Title, Dictionary<string, string> Cells)> of)
    {
        var rows = of.ToList();
        var columns = rows.SelectMany(r => r.Cells.Keys).Distinct().ToList();
        var cells = new List<string[]> { new[] { corner }.Concat(columns).ToArray() };
        cells.AddRange(rows.Select(
            r => new[] { r.Title }.Concat(columns.Select(c => r.Cells.GetValueOrDefault(c, ""))).ToArray()));
        var widths = Enumerable.Range(0, columns.Count + 1).Select(i => cells.Max(c => c[i].Length)).ToArray();
        for (var i = 0; i < cells.Count; i++)
        {
            to.WriteLine("| " + string.Join(" | ", cells[i].Select((c, n) => c.PadRight(widths[n]))) + " |");
            if (i == 0)
                to.WriteLine("|" + string.Join("|", widths.Select(w => new string('-', w + 2))) + "|");
        }
        to.WriteLine();
    }
}
