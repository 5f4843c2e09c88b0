using Collector.Worker.Hosting.Systemd;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Hosting;

/// <summary>Who reads standard error.</summary>
public enum LogStyle
{
    /// <summary>A file or a pipe: time, level, category, message.</summary>
    Plain,

    /// <summary>A terminal: the same in colours.</summary>
    Colour,

    /// <summary>The journal, which has the time already: a priority in front, as in sd-daemon(3).</summary>
    Journal,
}

internal static class LogStyles
{
    private const int StandardError = 2;

    /// <summary>What standard error is connected to now.</summary>
    public static LogStyle Detect() => Detect(
        Environment.GetEnvironmentVariable,
        stream => JournalStream.Is(StandardError, stream),
        // Process 1 of a container that has NOTIFY_SOCKET is a service to the package; there its lines have no journal.
        static () => Environment.GetEnvironmentVariable("INVOCATION_ID") is { Length: > 0 }
            && SystemdHelpers.IsSystemdService(),
        () => !Console.IsErrorRedirected);

    internal static LogStyle Detect(
        Func<string, string?> env, Func<string, bool> isJournal, Func<bool> isService, Func<bool> isTerminal)
    {
        // The variable is inherited: a shell inside a service may well have sent standard error elsewhere
        // (systemd.exec(5)).
        if (env("JOURNAL_STREAM") is { Length: > 0 } stream)
        {
            if (isJournal(stream))
                return LogStyle.Journal;
        }
        else if (isService() && !isTerminal())
        {
            return LogStyle.Journal;
        }
        // https://no-color.org: any value that is not empty.
        var colours = string.IsNullOrEmpty(env("NO_COLOR")) && env("TERM") is not "dumb" && isTerminal();
        return colours ? LogStyle.Colour : LogStyle.Plain;
    }
}
