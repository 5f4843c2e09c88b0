using System.Globalization;
using System.Text;
using Collector.Core;

namespace Collector.Worker.Hosting;

/// <summary>One log record as one line. What would end the line, or command a terminal, is escaped.</summary>
internal static class LogLine
{
    /// <summary>
    /// Characters of the longest line. The journal begins a new record after 48 KiB (LineMax, journald.conf(5)), and a
    /// record that begins in the middle of our text could carry any priority.
    /// </summary>
    public const int Longest = 12 * 1024;

    private const string Reset = "\u001b[0m";

    /// <summary>Writes the line with its line end.</summary>
    /// <param name="line">Where to; empty.</param>
    /// <param name="style">For whom.</param>
    /// <param name="time">Shown as it is, where the reader does not know the time by itself.</param>
    /// <param name="level">Its level.</param>
    /// <param name="category">Only its last part is shown.</param>
    /// <param name="message">Any text.</param>
    /// <param name="exception">Follows the message, with its stack.</param>
    public static void Append(
        StringBuilder line, LogStyle style, DateTimeOffset time, LogLevel level, string category, string message,
        Exception? exception)
    {
        if (style == LogStyle.Journal)
            line.Append('<').Append(Priority(level)).Append('>');
        else
            AppendHead(line, style, time, level);
        Escape(line, category.AsSpan(category.LastIndexOf('.') + 1));
        line.Append(": ");
        Escape(line, message);
        if (exception is not null)
        {
            line.Append(": ");
            Escape(line, exception.ToString());
        }
        if (line.Length > Longest)
            line.Remove(Longest, line.Length - Longest).Append("...");
        line.Append('\n');
    }

    private static void AppendHead(StringBuilder line, LogStyle style, DateTimeOffset time, LogLevel level)
    {
        line.Append(CultureInfo.InvariantCulture, $"{time:HH:mm:ss} ");
        var colour = style == LogStyle.Colour ? Colour(level) : "";
        line.Append(colour).Append(Name(level)).Append(colour.Length > 0 ? Reset : "").Append(' ');
    }

    /// <summary>Levels of syslog(3): 2 critical, 3 error, 4 warning, 6 info, 7 debug.</summary>
    private static char Priority(LogLevel level) => level switch
    {
        LogLevel.Critical => '2',
        LogLevel.Error => '3',
        LogLevel.Warning => '4',
        LogLevel.Information => '6',
        _ => '7',
    };

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Critical => "crit ",
        LogLevel.Error => "error",
        LogLevel.Warning => "warn ",
        LogLevel.Information => "info ",
        LogLevel.Debug => "debug",
        _ => "trace",
    };

    private static string Colour(LogLevel level) => level switch
    {
        LogLevel.Critical => "\u001b[1;31m",
        LogLevel.Error => "\u001b[31m",
        LogLevel.Warning => "\u001b[33m",
        LogLevel.Information => "\u001b[32m",
        _ => "\u001b[90m",
    };

    private static void Escape(StringBuilder line, ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!SafeText.IsUnsafe(c))
                line.Append(c);
            else if (c is '\n' or '\r' or '\t')
                line.Append(c switch { '\n' => "\\n", '\r' => "\\r", _ => "\\t" });
            else
                line.AppendEscaped(c);
        }
    }
}
