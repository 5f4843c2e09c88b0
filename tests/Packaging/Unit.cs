using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>The unit as it is shipped.</summary>
internal static class Unit
{
    public static readonly string File = Path.Combine(Repository.Root, "packaging/systemd/netlens.service");

    /// <summary>The values of a setting, in order.</summary>
    public static IReadOnlyList<string> Values(string name) =>
        [.. System.IO.File.ReadLines(File)
            .Where(l => l.StartsWith(name + "=", StringComparison.Ordinal))
            .SelectMany(l => l[(name.Length + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>What the unit gives the service.</summary>
    public static IReadOnlyList<string> Capabilities => Values("AmbientCapabilities");

    /// <summary>How to start a program with these rights and no others, as the unit's user.</summary>
    public static string[] Unprivileged(IEnumerable<string> capabilities, bool groupRoot = true)
    {
        var set = string.Join(
            ',', capabilities.Select(c => "+" + c["CAP_".Length..].ToLowerInvariant()).Prepend("-all"));
        return
        [
            "setpriv", "--reuid", $"{Machine.User}", "--regid", $"{Machine.User}",
            .. groupRoot ? (string[])["--groups", "0"] : ["--clear-groups"],
            $"--inh-caps={set}", $"--ambient-caps={set}", $"--bounding-set={set}", "--no-new-privs",
        ];
    }
}
