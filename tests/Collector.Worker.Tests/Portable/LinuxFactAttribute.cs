namespace Collector.Worker.Tests.Portable;

/// <summary>A test that holds figures against the tools of iproute2.</summary>
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = Missing;

    internal static string? Missing { get; } =
        !OperatingSystem.IsLinux() ? "needs Linux"
        : Find("ip") && Find("nstat") ? null
        : "needs ip and nstat (apt package iproute2)";

    private static bool Find(string tool) =>
        new[] { "/bin", "/sbin", "/usr/bin", "/usr/sbin" }.Any(folder => File.Exists($"{folder}/{tool}"));
}

/// <summary>The same with data.</summary>
public sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute() => Skip = LinuxFactAttribute.Missing;
}
