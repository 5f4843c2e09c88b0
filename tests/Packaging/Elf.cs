using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>What a program or library asks of the machine, as objdump tells.</summary>
internal static partial class Elf
{
    public static bool Is(string file)
    {
        using var stream = File.OpenRead(file);
        Span<byte> magic = stackalloc byte[4];
        return stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("\u007fELF"u8);
    }

    /// <summary>The newest version of symbols of a kind (GLIBC, GLIBCXX, GCC) that it needs; null for none.</summary>
    public static Version? Newest(string file, string kind) =>
        Symbol().Matches(Shell.Run("objdump", "-T", file))
            .Where(m => m.Groups["kind"].Value == kind)
            .Select(m => Version.Parse(m.Groups["version"].Value))
            .DefaultIfEmpty(null).Max();

    /// <summary>The libraries that it is linked against.</summary>
    public static IReadOnlyList<string> Needed(string file) =>
        [.. Library().Matches(Shell.Run("objdump", "-p", file)).Select(m => m.Groups["name"].Value)];

    [GeneratedRegex(@"\b(?<kind>[A-Z]+)_(?<version>\d+\.[\d.]+)\)?\s", RegexOptions.None, 5000)]
    private static partial Regex Symbol();

    [GeneratedRegex(@"NEEDED\s+(?<name>\S+)", RegexOptions.None, 5000)]
    private static partial Regex Library();
}
