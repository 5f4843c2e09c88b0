using System.Text.Json;
using Spectre.Console;

namespace Collector.Worker.Commands;

/// <summary>How commands print: tables for people, JSON for programs, colours only on a terminal.</summary>
internal static class Output
{
    /// <summary>A console on standard output. Redirected output is not wrapped and has no escape codes.</summary>
    public static IAnsiConsole Terminal()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (Console.IsOutputRedirected)
            console.Profile.Width = 4096;
        return console;
    }

    /// <summary>An empty table with the given headings. Cells are plain text, never markup.</summary>
    public static Table Table(params string[] headings)
    {
        var table = new Table { Border = TableBorder.None, UseSafeBorder = true };
        foreach (var heading in headings)
            table.AddColumn(new TableColumn(new Text(heading, new Style(decoration: Decoration.Bold)))
            {
                Padding = new Padding(0, 0, 2, 0), NoWrap = true
            });
        return table;
    }

    public static void Row(this Table table, params string[] cells) =>
        table.AddRow(cells.Select(c => new Text(Printable(c))));

    public static void Json(Action<Utf8JsonWriter> write)
    {
        using var stdout = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stdout, new JsonWriterOptions { Indented = true }))
            write(json);
        stdout.Write("\n"u8);
    }

    /// <summary>
    /// Names of pods, interfaces and mounts come from elsewhere: a control character must not drive the terminal.
    /// </summary>
    public static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : text;

    public static void Error(string line) => Console.Error.WriteLine($"netlens: {line}");
}
