using Collector.Tests.Support;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>
/// A test with a container runtime. Skipped only where this machine proves that it cannot: no root, a tool is missing,
/// or the kernel refuses namespaces or cgroups.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresNodeFactAttribute : FactAttribute
{
    /// <param name="suite">Suite of Debian whose containerd the test takes; empty for the installed one.</param>
    public RequiresNodeFactAttribute(string suite = "") => Skip = NodeSupport.WhyNot(suite);
}

/// <summary>Whether nodes can be started here.</summary>
internal static class NodeSupport
{
    private static readonly Lazy<string?> Refusal = new(static () =>
        RootSupport.WhyNot(["nstat"])
            ?? (Shell.Try(ContainerNode.Script, "check") is (not 0, _, var error) ? error.Trim() : null));

    /// <summary>Null when the test can run, else the reason for its skip.</summary>
    public static string? WhyNot(string suite) =>
        Refusal.Value ?? (suite.Length == 0 ? null : WhyNotUnpacked());

    // Debian builds containerd 1.7 and later for its own libc, and they need nothing newer than this.
    private static string? WhyNotUnpacked()
    {
        if (Shell.Find("apt-get") is null || Shell.Find("dpkg") is null)
            return "needs apt-get and dpkg to have another containerd";
        var libc = Shell.Try("getconf", "GNU_LIBC_VERSION").Output.Trim();
        return Version.TryParse(libc.Replace("glibc ", ""), out var version) && version >= new Version(2, 34)
            ? null
            : $"needs glibc 2.34 to run another containerd, not '{libc}'";
    }
}
