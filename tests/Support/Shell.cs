using System.Diagnostics;

namespace Collector.Tests.Support;

/// <summary>Runs other programs, without a shell, with a time limit.</summary>
internal static class Shell
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs to its end and returns the standard output.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its error output.</exception>
    public static string Run(params string[] command)
    {
        var (code, output, error) = Try(command);
        return code == 0
            ? output
            : throw new InvalidOperationException($"{string.Join(' ', command)}: exit {code}: {error}{output}");
    }

    /// <summary>Runs to its end with this as its standard input.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its error output.</exception>
    public static void Feed(string input, params string[] command)
    {
        using var process = Start(command);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var (code, output, error) = End(process, command);
        if (code != 0)
            throw new InvalidOperationException($"{string.Join(' ', command)}: exit {code}: {error}{output}\n{input}");
    }

    /// <summary>Runs to its end; a failure is the caller's to judge.</summary>
    public static (int Code, string Output, string Error) Try(params string[] command)
    {
        using var process = Start(command);
        return End(process, command);
    }

    private static (int Code, string Output, string Error) End(Process process, string[] command)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', command)}: not done after {Limit}");
        }
        return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    /// <summary>Starts it with redirected streams; whoever disposes must end it first.</summary>
    public static Process Start(params string[] command)
    {
        var info = new ProcessStartInfo(Find(command[0]) ?? command[0])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in command.Skip(1))
            info.ArgumentList.Add(argument);
        return Process.Start(info) ?? throw new InvalidOperationException($"{command[0]} did not start");
    }

    /// <summary>
    /// Full path of a program; /sbin and /usr/sbin are searched although a user's PATH may lack them.
    /// </summary>
    public static string? Find(string program) =>
        ((Environment.GetEnvironmentVariable("PATH") ?? "") + ":/usr/sbin:/sbin")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}
