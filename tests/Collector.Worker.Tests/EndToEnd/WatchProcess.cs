using System.Collections.Concurrent;
using System.Diagnostics;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary><c>netlens watch</c> in a pipe, while it runs.</summary>
internal sealed class WatchProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _error = new();
    private readonly Process _process;

    public WatchProcess(params string[] args)
        : this(AgentProcess.StartInfo(["watch", .. args]))
    {
    }

    public WatchProcess(ProcessStartInfo info)
    {
        _process = Process.Start(info)!;
        _process.OutputDataReceived += (_, e) => Take(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Take(_error, e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public IReadOnlyList<string> Output => [.. _output];

    public IReadOnlyList<string> Error => [.. _error];

    /// <summary>Waits for a line of standard output.</summary>
    public string WaitForLine(string text) => WaitFor(_output, text);

    /// <summary>Waits for a line of standard error.</summary>
    public string WaitForError(string text) => WaitFor(_error, text);

    /// <summary>Sends a signal by number's name, as kill(1) takes it.</summary>
    public void Signal(string signal)
    {
        using var kill = Process.Start("kill", ["-s", signal, $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public int WaitForExit()
    {
        _process.WaitForExit(Patience).ShouldBeTrue($"it did not end\n{Said()}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    private string WaitFor(ConcurrentQueue<string> lines, string text)
    {
        var ended = false;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience && !ended; Thread.Sleep(20))
        {
            if (_process.HasExited)
            {
                _process.WaitForExit(); // For the last lines.
                ended = true;
            }
            if (lines.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line)
                return line;
        }
        throw new InvalidOperationException($"no '{text}' in\n{Said()}");
    }

    private string Said() => $"{string.Join('\n', _output)}\n--\n{string.Join('\n', _error)}\n"
        + (_process.HasExited ? $"ended with {_process.ExitCode}" : "runs");

    private static void Take(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
            lines.Enqueue(line);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
