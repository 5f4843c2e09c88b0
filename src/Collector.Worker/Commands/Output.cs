using System.Text.Json;
using Collector.Core;
using Collector.Linux.Interop;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>How commands print: tables for people, JSON for programs, bold headings only on a terminal.</summary>
internal static class Output
{
    /// <summary>An empty table with the given headings.</summary>
    public static TextTable Table(params string[] headings) => new(headings);

    /// <summary>Standard output.</summary>
    public static Screen Screen
    {
        get
        {
            var width = TerminalWidth();
            return new(Console.Out, width, width is not null && HasSequences);
        }
    }

    /// <summary>Prints a table on standard output.</summary>
    public static void Print(TextTable table) => Screen.Print(table);

    /// <summary>A line that stands above a table.</summary>
    public static void Title(string line) => Screen.Title(line);

    /// <summary>Whether a terminal does what it is told by sequences; older consoles of Windows print them.</summary>
    public static bool HasSequences => OperatingSystem.IsWindows()
        ? Environment.GetEnvironmentVariable("WT_SESSION") is not null
        : Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Columns of standard output now; null where it is no terminal.</summary>
    public static int? TerminalWidth()
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

    /// <summary>
    /// Names of pods, interfaces and mounts come from elsewhere: a control character must not drive the terminal.
    /// </summary>
    public static string Printable(string text) => SafeText.Printable(text);

    /// <summary>Makes room on a terminal where something stands that is drawn anew all the time.</summary>
    public static Action? BeforeError { get; set; }

    /// <summary>Says what is wrong; on a terminal broken between words.</summary>
    public static void Error(string line)
    {
        BeforeError?.Invoke();
        var width = OperatingSystem.IsLinux() ? StandardStreams.Columns(StandardStreams.Error) : null;
        new Screen(Console.Error, width).Text($"netlens: {line}", indent: "  ");
        Hosting.Windows.WindowsService.Complain(line);
    }

    /// <summary>"1 read", "2 reads".</summary>
    public static string Counted(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
