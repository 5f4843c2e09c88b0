using System.Xml.Linq;

namespace Collector.Tests.Support;

/// <summary>What Netlens itself is licensed under, as every package has to say it.</summary>
internal static class Licences
{
    private static readonly string[] Texts =
    [
        "LICENSE", "NOTICE", "ebpf-programs/LICENSES/GPL-2.0-only.txt", "ebpf-programs/LICENSES/BSD-2-Clause.txt",
    ];

    /// <summary>The SPDX expression of Directory.Build.props.</summary>
    public static string Expression { get; } = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props"))
        .Descendants("PackageLicenseExpression").Single().Value;

    /// <summary>Each text by its path in a package's folder of documents.</summary>
    public static IReadOnlyDictionary<string, string> ByPath { get; } = Texts.ToDictionary(
        t => t.Replace("ebpf-programs/LICENSES", "licences"),
        t => File.ReadAllText(Path.Combine(Repository.Root, t)));
}
