namespace Collector.Worker.Tests.Support;

/// <summary>A test that needs a program of the machine; skipped, with its name, where PATH does not have it.</summary>
internal sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(string program, string package = "prometheus")
    {
        if (Find(program) is null)
            Skip = $"{program} is not in PATH (Debian package {package})";
    }

    /// <summary>Full path of a program, null where there is none.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);
}

/// <summary>The same for a test with cases.</summary>
internal sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(string program, string package)
    {
        if (ToolFactAttribute.Find(program) is null)
            Skip = $"{program} is not there (Debian package {package})";
    }
}
