using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace Collector.Tests.Support;

/// <summary>
/// A test that makes network namespaces. Skipped only where this machine proves that it cannot: not Linux, not root, or
/// the kernel refuses unshare(CLONE_NEWNET).
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresRootFactAttribute : FactAttribute
{
    public RequiresRootFactAttribute(params string[] tools) => Skip = RootSupport.WhyNot(tools);
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresRootTheoryAttribute : TheoryAttribute
{
    public RequiresRootTheoryAttribute(params string[] tools) => Skip = RootSupport.WhyNot(tools);
}

/// <summary>Whether tests may make network namespaces here.</summary>
internal static class RootSupport
{
    private static readonly Lazy<string?> Refusal = new(Probe);

    /// <summary>Null when the test can run, else the reason for its skip.</summary>
    public static string? WhyNot(string[] tools)
    {
        if (Refusal.Value is { } refusal)
            return refusal;
        foreach (var tool in tools.Append("ip"))
        {
            if (Shell.Find(tool) is null)
                return $"the tool '{tool}' is not installed";
        }
        return null;
    }

    private static string? Probe()
    {
        if (!OperatingSystem.IsLinux())
            return "needs Linux";
        if (geteuid() != 0)
            return "needs root";
        string? refusal = null;
        // On a thread that ends: unshare changes the calling thread only.
        var thread = new Thread(() =>
        {
            if (unshare(CLONE_NEWNET) != 0)
                refusal = "no new network namespace: " + Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
        });
        thread.Start();
        thread.Join();
        return refusal;
    }
}
