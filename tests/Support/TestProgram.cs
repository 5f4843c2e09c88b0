using System.Globalization;
using System.Runtime.InteropServices;

namespace Collector.Tests.Support;

/// <summary>The program that tests start: the one built with them, or another that NETLENS_PROGRAM names.</summary>
internal static partial class TestProgram
{
    private const int SIGINT = 2;
    private const nint SIG_DFL = 0;

    public static string Path { get; } = Find();

    private static string Find()
    {
        HearInterrupts();
        return Environment.GetEnvironmentVariable("NETLENS_PROGRAM") is { Length: > 0 } program
            ? program
            : System.IO.Path.Combine(AppContext.BaseDirectory, "netlens");
    }

    // What a script starts in the background ignores SIGINT, and so does all that is started by it: the program, too,
    // which tests interrupt.
    private static void HearInterrupts()
    {
        const string ignored = "SigIgn:";
        const string status = "/proc/self/status";
        if (!File.Exists(status))
            return;
        var line = File.ReadLines(status).First(l => l.StartsWith(ignored, StringComparison.Ordinal));
        var signals = ulong.Parse(line[ignored.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if ((signals & (1UL << (SIGINT - 1))) != 0)
            _ = signal(SIGINT, SIG_DFL);
    }

    // sighandler_t signal(int signum, sighandler_t handler);
    [LibraryImport("libc")]
    private static partial nint signal(int signum, nint handler);
}
