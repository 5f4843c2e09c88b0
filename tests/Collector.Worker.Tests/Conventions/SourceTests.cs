using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>What holds for every line of C# under src, and what neither the compiler nor the formatter sees.</summary>
public sealed partial class SourceTests
{
    /// <summary>max_line_length of .editorconfig, which dotnet format does not enforce.</summary>
    private const int LongestLine = 120;

    private static readonly string Root = Repository.Root;

    [Fact]
    public void The_sources_are_found() =>
        Sources().Select(Path.GetFileName).ShouldContain("NodeFactory.cs");

    [Fact]
    public void No_line_is_longer_than_120_characters() => Where(line => line.Length > LongestLine).ShouldBeEmpty();

    [Fact]
    public void No_line_has_a_tab() => Where(line => line.Contains('\t')).ShouldBeEmpty();

    [Fact]
    public void No_line_ends_in_a_blank() => Where(line => line != line.TrimEnd()).ShouldBeEmpty();

    [Fact]
    public void Nothing_is_left_for_later() => Where(line => Unfinished().IsMatch(line)).ShouldBeEmpty();

    /// <summary>
    /// What C spells, and Tmds.LibC has not, stands in Interop, where LayoutTests compare it with the headers; Windows'
    /// own beside its calls.
    /// </summary>
    [Fact]
    public void No_constant_of_C_stands_outside_Interop() =>
        Where(line => ConstantOfC().IsMatch(line))
            .Where(place => !place.StartsWith("src/Collector.Linux/Interop/", StringComparison.Ordinal)
                && !place.StartsWith("src/Collector.Worker/Hosting/Windows/", StringComparison.Ordinal))
            .ShouldBeEmpty();

    /// <summary>It has no file for Windows: the program calls libc through Collector.Linux, which guards.</summary>
    [Fact]
    public void The_package_of_libc_is_used_in_Collector_Linux_only() =>
        Where(line => line.Contains("Tmds.Linux"))
            .Where(place => !place.StartsWith("src/Collector.Linux/", StringComparison.Ordinal))
            .ShouldBeEmpty();

    /// <summary>
    /// BannedSymbols.txt keeps LibraryImport in Interop; what the compiler makes of it is a DllImport, so that one
    /// cannot be banned there.
    /// </summary>
    [Fact]
    public void C_is_called_by_LibraryImport_only() => Where(line => line.Contains("DllImport(")).ShouldBeEmpty();

    [Theory]
    [InlineData("    private const int NLM_F_DUMP = 0x300;", true)]
    [InlineData("    private const int EINTR = 4;", true)]
    [InlineData("    private const string V4 = \"ipv4\";", false)]
    [InlineData("    private const int Longest = 64;", false)]
    public void A_constant_of_C_is_known_by_its_name(string line, bool isOne) =>
        ConstantOfC().IsMatch(line).ShouldBe(isOne);

    /// <summary>The places, as file and line, that a rule forbids.</summary>
    private static IEnumerable<string> Where(Func<string, bool> forbidden) =>
        Sources().SelectMany(file => File.ReadLines(file)
            .Select((line, index) => (Text: line, Place: $"{Path.GetRelativePath(Root, file)}:{index + 1}"))
            .Where(line => forbidden(line.Text))
            .Select(line => line.Place));

    /// <summary>The tree without what the build writes into it; a source archive has no git to ask.</summary>
    private static IEnumerable<string> Sources() =>
        Directory.EnumerateDirectories(Path.Combine(Root, "src"))
            .SelectMany(project => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
                .Where(file => Path.GetRelativePath(project, file).Split('/', '\\')[0] is not ("bin" or "obj")));

    [GeneratedRegex(@"\bconst \w+ [A-Z]{2}[A-Z0-9_]* =", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ConstantOfC();

    // In brackets, so that a search for the words does not find this line.
    [GeneratedRegex("TO[D]O|FIX[M]E|NotImplemented[E]xception", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Unfinished();
}
