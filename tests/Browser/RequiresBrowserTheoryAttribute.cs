using Collector.Tests.Support;

namespace Browser.Tests;

/// <summary>
/// A test in a real browser. Skipped only where this machine proves that it cannot: no Chromium, which only a whole
/// ./test installs, no node, or npm could not fetch what drives the browser.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresBrowserTheoryAttribute : TheoryAttribute
{
    public RequiresBrowserTheoryAttribute() => Skip = WhyNot;

    /// <summary>Whether it is of faults that are caused in namespaces: those need root, and tools that look at them.</summary>
    public bool Faults
    {
        get;
        set
        {
            field = value;
            Skip = WhyNot ?? (value ? WhyNoFaults : null);
        }
    }

    /// <summary>Chromium without its windows.</summary>
    internal static string? Browser { get; } = Shell.Find("chromium-headless-shell");

    /// <summary>What npm fetched when this was built.</summary>
    internal static string Modules { get; } =
        Path.Combine(Repository.Root, "tests", "Browser", "obj", "npm", "node_modules");

    /// <summary>Null where faults can be caused.</summary>
    internal static string? WhyNoFaults => RootSupport.WhyNot(["nstat", "tc", "ss"]);

    private static string? WhyNot =>
        Browser is null ? "chromium-headless-shell is not installed"
        : Shell.Find("node") is null ? "node is not installed"
        : !Directory.Exists(Path.Combine(Modules, "playwright-core")) ? "npm fetched no packages"
        : null;
}
