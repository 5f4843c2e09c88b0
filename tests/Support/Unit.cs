namespace Collector.Tests.Support;

/// <summary>The systemd unit as it is shipped.</summary>
internal static class Unit
{
    /// <summary>A user that no file has: of those that DynamicUser= gives.</summary>
    public const int User = 61234;

    public static readonly string File = Path.Combine(Repository.Root, "packaging/systemd/netlens.service");

    /// <summary>The values of a setting, in order.</summary>
    public static IReadOnlyList<string> Values(string name) =>
        [.. System.IO.File.ReadLines(File)
            .Where(l => l.StartsWith(name + "=", StringComparison.Ordinal))
            .SelectMany(l => l[(name.Length + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>What the unit gives the service.</summary>
    public static IReadOnlyList<string> Capabilities => Values("AmbientCapabilities");

    /// <summary>How to start a program as the unit's user with these rights and no others.</summary>
    public static string[] Unprivileged(IEnumerable<string> capabilities, bool groupRoot = true)
    {
        var set = string.Join(
            ',', capabilities.Select(c => "+" + c["CAP_".Length..].ToLowerInvariant()).Prepend("-all"));
        return
        [
            "setpriv", "--reuid", $"{User}", "--regid", $"{User}",
            .. groupRoot ? (string[])["--groups", "0"] : ["--clear-groups"],
            $"--inh-caps={set}", $"--ambient-caps={set}", $"--bounding-set={set}", "--no-new-privs",
        ];
    }
}
