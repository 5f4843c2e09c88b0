using System.Text;
using System.Text.Json;
using Collector.Core;
using Collector.Linux.Interop;
using Collector.Worker.Hosting;
using Spectre.Console;

namespace Collector.Worker.Commands;

/// <summary>How commands print: tables for people, JSON for programs, bold headings only on a terminal.</summary>
internal static class Output
{
    private const int Unbounded = 1 << 16;
    private const int Gap = 2;
    private const int NarrowestText = 40;

    /// <summary>An empty table with the given headings. Cells are plain text, never markup.</summary>
    public static Table Table(params string[] headings)
    {
        var table = new Table { Border = TableBorder.None, UseSafeBorder = true };
        foreach (var heading in headings)
            table.AddColumn(new TableColumn(Bold(heading)) { Padding = new Padding(0, 0, Gap, 0) });
        return table;
    }

    public static void Row(this Table table, params string[] cells) =>
        table.AddRow(cells.Select(c => new Text(Printable(c))));

    /// <summary>
    /// Prints a table. Only its last column is wrapped, and only on a terminal that has room for it: a name or number
    /// that is cut in two cannot be read, searched or copied. What is too wide, the terminal breaks at its edge.
    /// </summary>
    public static void Print(Table table) => Print(table, TerminalWidth());

    /// <param name="table">The table.</param>
    /// <param name="width">Columns of the terminal, null when it is none.</param>
    internal static void Print(Table table, int? width)
    {
        var before = 0;
        for (var i = 0; i < table.Columns.Count; i++)
        {
            var widest = table.Rows.Select(r => ((Text)r[i]).Length)
                .Append(((Text)table.Columns[i].Header).Length).Max();
            var last = i == table.Columns.Count - 1;
            table.Columns[i].Width = last && width - before - 1 is { } room and >= NarrowestText
                ? Math.Min(widest, room)
                : widest;
            before += widest + Gap;
        }
        Console.Out.Write(Rendered(table));
    }

    /// <summary>A line that stands above a table.</summary>
    public static void Title(string line) => Console.Out.Write(Rendered(Bold(Printable(line))));

    // The cells of a table are filled up with blanks; at the end of a line those only make lines break.
    private static string Rendered(Spectre.Console.Rendering.IRenderable content)
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = TerminalWidth() is null ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new Paper(text),
        });
        console.Write(content);
        var lines = new StringBuilder();
        foreach (var line in text.ToString().TrimEnd('\n', '\r').Split('\n'))
            lines.Append(line.TrimEnd()).AppendLine();
        return lines.ToString();
    }

    private static Text Bold(string text) => new(text, new Style(decoration: Decoration.Bold));

    private static int? TerminalWidth()
    {
        if (OperatingSystem.IsLinux())
            return StandardStreams.Columns(StandardStreams.Output);
        return Console.IsOutputRedirected ? null : Math.Max(Console.WindowWidth, 1);
    }

    public static void Json(Action<Utf8JsonWriter> write)
    {
        using var stdout = StandardWriter.OpenOutput();
        using (var json = new Utf8JsonWriter(stdout, new JsonWriterOptions { Indented = true }))
            write(json);
        stdout.Write("\n"u8);
    }

    /// <summary>A property whose value is a list of texts.</summary>
    public static void WriteStrings(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    /// <summary>
    /// Names of pods, interfaces and mounts come from elsewhere: a control character must not drive the terminal.
    /// </summary>
    public static string Printable(string text) => SafeText.Printable(text);

    public static void Error(string line)
    {
        Console.Error.WriteLine($"netlens: {Printable(line)}");
        Hosting.Windows.WindowsService.Complain(line);
    }

    /// <summary>"1 read", "2 reads".</summary>
    public static string Counted(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    /// <summary>Takes any width. Spectre's own asks the terminal, and throws where it cannot.</summary>
    private sealed class Paper(TextWriter writer) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => TerminalWidth() is not null;

        public int Width => Unbounded;

        public int Height => Unbounded;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
