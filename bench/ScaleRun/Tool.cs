using System.Diagnostics;

namespace Collector.ScaleRun;

/// <summary>Runs a tool to its end.</summary>
internal static class Tool
{
    /// <exception cref="IOException">
    /// It ended with another code than 0; with what it wrote to its error output.
    /// </exception>
    public static void Run(string program, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new IOException($"{program} does not start");
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new IOException($"{program} {string.Join(' ', arguments)}: {error.Trim()}");
    }
}
