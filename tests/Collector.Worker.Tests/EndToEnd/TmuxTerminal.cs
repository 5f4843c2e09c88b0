using System.Diagnostics;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>A terminal of some size with a shell in it, by tmux: keys go in, and what stands on it is read.</summary>
internal sealed class TmuxTerminal : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _name = $"netlens-{Guid.NewGuid():N}";
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-tmux-").FullName;

    /// <param name="columns">Of the terminal.</param>
    /// <param name="rows">Of the terminal.</param>
    public TmuxTerminal(int columns, int rows)
    {
        var settings = Path.Combine(_folder, "tmux.conf");
        File.WriteAllText(settings, "set -g status off\nset -g escape-time 0\nset -g default-terminal screen\n");
        // The same prompt for root and others; words of the machine's language would be its own.
        var start = Path.Combine(_folder, "start.sh");
        File.WriteAllText(start, "PS1='$ '\n");
        Shell.Run("env", "-i", $"PATH={Environment.GetEnvironmentVariable("PATH")}", "LC_ALL=C.UTF-8", "HOME=/",
            $"TMUX_TMPDIR={_folder}", $"ENV={start}", $"TOP={TestProgram.Path} top", "tmux", "-u", "-L", _name, "-f", settings,
            "new-session", "-d", "-x", $"{columns}", "-y", $"{rows}", "/bin/sh");
        try
        {
            Wait(lines => lines.Contains("$"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The lines that stand on it, without blanks at their ends.</summary>
    public string[] Lines => [.. Tmux("capture-pane", "-p").Split('\n').Select(static l => l.TrimEnd()).SkipLast(1)];

    /// <summary>Types a line for the shell.</summary>
    public void Run(string line)
    {
        Tmux("send-keys", "-l", line);
        Press("Enter");
    }

    /// <summary>Presses keys, as tmux calls them.</summary>
    public void Press(params string[] keys) => Tmux(["send-keys", .. keys]);

    public void Resize(int columns, int rows) => Tmux("resize-window", "-x", $"{columns}", "-y", $"{rows}");

    /// <summary>Waits for what stands on it.</summary>
    public string[] Wait(Func<string[], bool> condition)
    {
        var lines = Lines;
        for (var clock = Stopwatch.StartNew(); !condition(lines); lines = Lines)
        {
            if (clock.Elapsed > Patience)
                throw new TimeoutException(string.Join('\n', lines));
            Thread.Sleep(50);
        }
        return lines;
    }

    /// <summary>Waits for a line that has this in it.</summary>
    public string Wait(string text) => Wait(lines => lines.Any(l => l.Contains(text))).First(l => l.Contains(text));

    /// <summary>The process that the shell has started, and waits for.</summary>
    public int Child()
    {
        var shell = Tmux("display-message", "-p", "#{pane_pid}").Trim();
        return int.Parse(File.ReadAllText($"/proc/{shell}/task/{shell}/children").Split(' ')[0]);
    }

    /// <summary>Whether what is shown is the terminal's other screen.</summary>
    public bool IsOnOtherScreen => Tmux("display-message", "-p", "#{alternate_on}").Trim() == "1";

    public void Dispose()
    {
        Shell.Try(Command("kill-server"));
        Directory.Delete(_folder, recursive: true);
    }

    private string Tmux(params string[] command) => Shell.Run(Command(command));

    private string[] Command(params string[] command) =>
        ["env", $"TMUX_TMPDIR={_folder}", "LC_ALL=C.UTF-8", "tmux", "-u", "-L", _name, .. command];
}
