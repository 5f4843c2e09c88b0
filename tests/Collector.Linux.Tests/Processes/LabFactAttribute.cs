using Collector.Tests.Support;

namespace Collector.Linux.Tests.Processes;

/// <summary>A test that makes namespaces and runs a Python worker in them.</summary>
public sealed class LabFactAttribute : FactAttribute
{
    public LabFactAttribute() => Skip = Missing;

    /// <summary>What this machine lacks; null when nothing.</summary>
    internal static string? Missing { get; } =
        !OperatingSystem.IsLinux() ? "needs Linux"
        : Environment.UserName != "root" ? "needs root to make namespaces"
        : !File.Exists("/usr/bin/python3") ? "needs /usr/bin/python3 (apt package python3)"
        : null;
}

/// <summary>The same with data.</summary>
public sealed class LabTheoryAttribute : TheoryAttribute
{
    public LabTheoryAttribute() => Skip = LabFactAttribute.Missing;
}

/// <summary>A test that also makes a cgroup.</summary>
public sealed class CgroupFactAttribute : FactAttribute
{
    public CgroupFactAttribute() => Skip = LabFactAttribute.Missing
        ?? (PodCgroup.Root is null ? "needs a cgroup tree below /sys/fs/cgroup" : null);
}
