using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>The program as users start it: its own process, a configuration file, a free port.</summary>
internal sealed partial class AgentProcess : IDisposable
{
    public static readonly string Program = TestProgram.Path;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly HttpClient Http = new() { Timeout = Patience };
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-test-");
    private readonly ConcurrentQueue<string> _log = new();
    private readonly Process _process;

    /// <param name="configuration">Content of the file; http.listen is added.</param>
    /// <param name="environment">Variables, name and value.</param>
    public AgentProcess(string configuration, params (string Name, string Value)[] environment)
    {
        ConfigPath = Path.Combine(_folder.FullName, "netlens.yaml");
        Write(configuration);
        var info = StartInfo("run", "--config", ConfigPath);
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        _process = Start(info);
    }

    /// <param name="configuration">Content of the file; http.listen is added.</param>
    /// <param name="shell">The script that starts it: it is <c>"$0" run --config "$1"</c>.</param>
    /// <param name="environment">Variables, name and value.</param>
    public AgentProcess(string configuration, string shell, params (string Name, string Value)[] environment)
    {
        ConfigPath = Path.Combine(_folder.FullName, "netlens.yaml");
        Write(configuration);
        var info = StartInfo("-c", shell, Program, ConfigPath);
        info.FileName = "/bin/sh";
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        _process = Start(info);
    }

    private Process Start(ProcessStartInfo info)
    {
        var process = Process.Start(info)!;
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is not null)
                _log.Enqueue(e.Data);
        };
        process.BeginErrorReadLine();
        return process;
    }

    public string ConfigPath { get; }

    public int Id => _process.Id;

    public IEnumerable<string> LogLines => _log;

    public void Write(string configuration) =>
        File.WriteAllText(ConfigPath, $"http: {{ listen: 127.0.0.1:0 }}\n{configuration}");

    /// <summary>Waits for a log line and returns it.</summary>
    public string WaitForLog(string text)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience; Thread.Sleep(20))
        {
            if (_log.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line)
                return line;
            if (_process.HasExited)
                break;
        }
        throw new InvalidOperationException($"no '{text}' in the log:\n{string.Join('\n', _log)}");
    }

    /// <summary>A page of the agent, once it has its first snapshot.</summary>
    public string Get(string path)
    {
        var url = AddressPattern().Match(WaitForLog("listening on")).Value;
        WaitForLog("first snapshot");
        return Http.GetStringAsync(url + path).GetAwaiter().GetResult();
    }

    public Uri Address => new(AddressPattern().Match(WaitForLog("listening on")).Value);

    /// <summary>Sends a signal by number's name, as kill(1) takes it.</summary>
    public void Signal(string signal)
    {
        using var kill = Process.Start("kill", ["-s", signal, _process.Id.ToString()]);
        kill.WaitForExit();
    }

    public int WaitForExit()
    {
        _process.WaitForExit(Patience).ShouldBeTrue("the agent did not end");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>Runs a command of the program to its end.</summary>
    public static (int Code, string Output, string Error) Run(params string[] args) => RunToEnd(StartInfo(args));

    /// <summary>The same inside a shell's script, which finds the program as <c>$0</c>.</summary>
    public static (int Code, string Output, string Error) RunInShell(string script)
    {
        var info = StartInfo("-c", script, Program);
        info.FileName = "/bin/sh";
        return RunToEnd(info);
    }

    private static (int Code, string Output, string Error) RunToEnd(ProcessStartInfo info)
    {
        using var process = Process.Start(info)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit(Patience).ShouldBeTrue("the command did not end");
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    /// <summary>The program, without what this process has of its variables.</summary>
    public static ProcessStartInfo StartInfo(params string[] args)
    {
        var info = new ProcessStartInfo(Program, args)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in info.Environment.Keys
            .Where(k => k.StartsWith("OTEL_") || k.StartsWith("NETLENS_")).ToArray())
            info.Environment.Remove(name);
        return info;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    [GeneratedRegex(@"https?://[^\s/]+", RegexOptions.None, 1000)]
    private static partial Regex AddressPattern();
}
