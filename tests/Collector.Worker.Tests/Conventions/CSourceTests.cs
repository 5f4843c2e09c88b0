using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>What holds for every line of C, and what no compiler sees.</summary>
public sealed partial class CSourceTests
{
    private static readonly string Root = Repository.Root;
    private static readonly string Programs = Path.Combine(Root, "ebpf-programs");

    [ToolFact("clang-format", "clang-format")]
    public void Every_C_file_is_formatted_by_clang_format()
    {
        var files = Sources().ToArray();
        files.Select(Path.GetFileName).ShouldContain("packetloss.bpf.c");
        var style = $"--style=file:{Path.Combine(Programs, ".clang-format")}";
        var (code, _, error) = Shell.Try(["clang-format", style, "--dry-run", "-Werror", .. files]);
        code.ShouldBe(0, error);
    }

    [Fact]
    public void Kernel_h_declares_only_what_the_programs_read()
    {
        var header = File.ReadAllText(Path.Combine(Programs, "include", "kernel.h"));
        var words = Word().Matches(string.Concat(Sources().Select(File.ReadAllText))).CountBy(match => match.Value)
            .ToDictionary();
        // Registers are read by libbpf's macros.
        var declared = Declared().Matches(Registers().Replace(header, "")).Select(match => match.Groups["name"].Value)
            .ToArray();
        declared.ShouldContain("skc_state");
        declared.Where(name => words[name] == 1).ShouldBeEmpty();
    }

    /// <summary>The tree without what builds write into it; a source archive has no git to ask.</summary>
    private static IEnumerable<string> Sources() =>
        new[] { "bench", "ebpf-programs", "packaging", "tests" }
            .SelectMany(folder => Directory.EnumerateFiles(
                Path.Combine(Root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".c" or ".h"
                && !Path.GetRelativePath(Root, file).Split('/', '\\').Any(part => part is "bin" or "obj"));

    // A constant, a field's last word, or a type's name.
    [GeneratedRegex(
        @"^(#define (?<name>\w+) |\t+(?<name>\w+) = \d+,|\t+\w[^;(]*\b(?<name>\w+)(\[\d+\])?;|struct (?<name>\w+) \{)",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Declared();

    [GeneratedRegex(@"\w+", RegexOptions.None, 1000)]
    private static partial Regex Word();

    [GeneratedRegex(@"^#if defined\(__TARGET_ARCH.*?^#endif", RegexOptions.Multiline | RegexOptions.Singleline, 1000)]
    private static partial Regex Registers();
}
