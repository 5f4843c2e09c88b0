namespace Collector.Worker.Commands;

/// <summary>Where people read: a terminal of some width, or a pipe.</summary>
/// <param name="writer">Takes the lines.</param>
/// <param name="width">Columns of the terminal; null where it is none: nothing is broken or bold then.</param>
/// <param name="bold">Whether it knows bold letters.</param>
internal sealed class Screen(TextWriter writer, int? width, bool bold = false)
{
    /// <summary>True where somebody reads along, false in a pipe or a file.</summary>
    public bool IsTerminal => width is not null;

    public void Line(string line = "") => writer.WriteLine(line);

    /// <summary>What stands above a table.</summary>
    public void Title(string words)
    {
        foreach (var line in Wrap(words))
            writer.WriteLine(Bold(line));
    }

    /// <summary>Words; on a terminal broken between them.</summary>
    /// <param name="words">Of one line or several.</param>
    /// <param name="indent">What stands before each line but the first.</param>
    public void Text(string words, string indent = "")
    {
        foreach (var line in Wrap(words, indent))
            writer.WriteLine(line);
    }

    private IEnumerable<string> Wrap(string words, string indent = "") => width is null
        ? [Output.Printable(words)]
        : TableLayout.Wrap(Output.Printable(words), width.Value - 1, indent);

    /// <summary>A table; in a pipe a line per row.</summary>
    public void Print(TextTable table)
    {
        foreach (var (line, heading) in table.Lines(width))
            writer.WriteLine(heading ? Bold(line) : line);
    }

    private string Bold(string line) => bold ? $"\e[1m{line}\e[0m" : line;
}
