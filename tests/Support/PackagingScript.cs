using System.Diagnostics;

namespace Collector.Tests.Support;

/// <summary>Runs the scripts of packaging/, which build for minutes where a source changed.</summary>
internal static class PackagingScript
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>Runs one to its end and gives the last line that it prints: what it made.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its error output.</exception>
    public static string Run(string script, params string[] arguments) => Run([], script, arguments);

    /// <summary>The same with variables set.</summary>
    public static string Run(
        IEnumerable<(string Name, string Value)> environment, string script, params string[] arguments)
    {
        var info = new ProcessStartInfo(Path.Combine(Repository.Root, "packaging", script), arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        using var process = Process.Start(info)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"packaging/{script} did not end within {Patience}");
        }
        return process.ExitCode == 0
            ? output.GetAwaiter().GetResult().TrimEnd().Split('\n')[^1]
            : throw new InvalidOperationException(
                $"packaging/{script}: exit {process.ExitCode}: {error.GetAwaiter().GetResult()}");
    }
}
