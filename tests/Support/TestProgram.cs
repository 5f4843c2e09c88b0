namespace Collector.Tests.Support;

/// <summary>The program that tests start: the one built with them, or another that NETLENS_PROGRAM names.</summary>
internal static class TestProgram
{
    public static string Path { get; } =
        Environment.GetEnvironmentVariable("NETLENS_PROGRAM") is { Length: > 0 } program
            ? program
            : System.IO.Path.Combine(AppContext.BaseDirectory, "netlens");
}
