using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>What packaging/ builds, built once when sources changed and shared by all tests.</summary>
internal static class Artifacts
{
    private static readonly string Scripts = Path.Combine(Repository.Root, "packaging");
    private static readonly Lazy<string> Tree = new(static () => PackagingScript.Run("payload"));
    private static readonly Lazy<string> Arm64Tree =
        new(static () => PackagingScript.Run("payload", "--rid", "linux-arm64"));
    private static readonly Lazy<string> BuiltRpm = new(static () => Package("rpm"));
    private static readonly Lazy<string> BuiltDeb = new(static () => Package("deb"));

    /// <summary>The installed tree.</summary>
    public static string Payload => Tree.Value;

    /// <summary>The same for arm64, built on whatever machine.</summary>
    public static string Arm64Payload => Arm64Tree.Value;

    public static string Program => Path.Combine(Payload, "usr/lib/netlens/netlens");

    public static string Rpm => BuiltRpm.Value;

    public static string Deb => BuiltDeb.Value;

    /// <summary>A package of a later version whose configuration has a line more, made quickly.</summary>
    /// <param name="kind">rpm or deb.</param>
    /// <param name="folder">Where to.</param>
    public static string Newer(string kind, string folder)
    {
        var tree = Path.Combine(folder, "tree");
        Shell.Run("cp", "-a", Payload, tree);
        File.AppendAllText(Path.Combine(tree, "etc/netlens/netlens.yaml"), "# a newer default\n");
        return PackagingScript.Run(
            [("NETLENS_TREE", tree), ("NETLENS_VERSION", "999.0"), ("NETLENS_COMPRESSION", "none"),
                ("SOURCE_DATE_EPOCH", "1700000000")],
            $"{kind}/build", folder);
    }

    /// <summary>The package of symbols that was built beside an RPM or .deb.</summary>
    public static string Symbols(string package) => Path.GetFileName(package) is var name && name.EndsWith(".rpm")
        ? package.Replace(name, name.Replace("netlens-", "netlens-debuginfo-"))
        : package.Replace(name, name.Replace("netlens_", "netlens-dbgsym_"));

    private static string Name(string kind) => kind == "rpm" ? "netlens-?.*.x86_64.rpm" : "netlens_*_amd64.deb";

    // Compressing takes longer than all tests: not twice of the same tree.
    private static string Package(string kind)
    {
        var inputs = Directory.EnumerateFiles(Path.Combine(Scripts, kind)).Append(Payload + ".built");
        var newest = inputs.Max(File.GetLastWriteTimeUtc);
        var folder = Path.Combine(Repository.Root, "artifacts", kind);
        var there = Directory.Exists(folder) ? Directory.GetFiles(folder, Name(kind)) : [];
        if (there is [var one] && File.GetLastWriteTimeUtc(one) > newest)
            return one;
        foreach (var old in there)
            File.Delete(old);
        return PackagingScript.Run($"{kind}/build", folder);
    }
}
