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

    /// <summary>Chromium without its windows.</summary>
    internal static string? Browser { get; } = Shell.Find("chromium-headless-shell");

    /// <summary>What npm fetched when this was built.</summary>
    internal static string Modules { get; } =
        Path.Combine(Repository.Root, "tests", "Browser", "obj", "npm", "node_modules");

    private static string? WhyNot =>
        Browser is null ? "chromium-headless-shell is not installed"
        : Shell.Find("node") is null ? "node is not installed"
        : !Directory.Exists(Path.Combine(Modules, "playwright-core")) ? "npm fetched no packages"
        : null;
}
