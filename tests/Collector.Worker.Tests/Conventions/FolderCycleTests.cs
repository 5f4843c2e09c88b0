using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>
/// No folder of a project needs, by whatever way round, one that needs it: a folder can be read, and changed, knowing
/// only what is below it.
/// </summary>
public sealed class FolderCycleTests
{
    private static readonly string Sources = Path.Combine(Repository.Root, "src");

    public static TheoryData<string> Projects() =>
    [
        .. Directory.EnumerateDirectories(Sources).Select(p => Path.GetFileName(p)!)
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_folder_is_in_a_cycle(string project) =>
        string.Join('\n', new FolderGraph(FilesOf(project)).Cycles()).ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_namespace_is_its_folder(string project) => FilesOf(project)
        .Where(f => f.Namespace.Length > 0 && f.Namespace != $"{project}/{f.Folder}".TrimEnd('/').Replace('/', '.'))
        .Select(f => f.Path).ShouldBeEmpty();

    [Fact]
    public void Only_the_commands_know_the_agent() =>
        new FolderGraph(FilesOf("Collector.Worker")).UsersOf("Agent").ShouldBe(["Commands"]);

    [Fact]
    public void A_cycle_is_named_with_the_files_that_make_it()
    {
        var graph = Graph(
            ("Program.cs", "using App.Top; Start.Now();"),
            ("Top/Start.cs", "using App.Low.Deep; namespace App.Top; static class Start { Deep? _deep; }"),
            ("Low/Deep/Deep.cs", "namespace App.Low.Deep; record Deep(Middle.Middle M);"),
            ("Low/Deep/Leaf.cs", "namespace App.Low.Deep; enum Leaf { A }"),
            ("Middle/Middle.cs", "namespace App.Middle; class Middle { string S => $\"{{Deep}} {Low.Deep.Leaf.A:X}\"; }"));
        graph.Cycles().ShouldBe([
            "Low/Deep -> Middle -> Low/Deep\n"
            + "  Low/Deep/Deep.cs uses Middle of Middle/Middle.cs\n"
            + "  Middle/Middle.cs uses Leaf of Low/Deep/Leaf.cs",
        ]);
    }

    [Fact]
    public void An_extension_method_makes_one_without_a_name() => Graph(
            ("A/A.cs", "using App.B; namespace App.A; class A { void Go(int x) => x.Twice(); }"),
            ("B/B.cs", "namespace App.B; static class B { public static int Twice(this int x) => new A.A() is { } ? x : 2; }"))
        .Cycles().ShouldHaveSingleItem().ShouldContain("A/A.cs uses Twice() of B/B.cs");

    [Fact]
    public void A_folder_and_the_one_within_it_are_two() => Graph(
            ("Outer.cs", "namespace App; class Outer { In.Inner? _inner; }"),
            ("In/Inner.cs", "namespace App.In; class Inner : Outer;"))
        .Cycles().ShouldHaveSingleItem().ShouldStartWith("(root) -> In -> (root)");

    [Theory]
    [InlineData("// B")]
    [InlineData("/* B\n */")]
    [InlineData("string S => \"B \\\" B\" + @\"B\"\"B\" + \"\"\" \"B\" \"\"\";")]
    [InlineData("char C => '\"'; // B\"")]
    [InlineData("int X => this.B + x?.B;")]
    [InlineData("object O => new C { B = 1 } is { B: 1 };")]
    [InlineData("class Nested<T> where T : class { }")]
    public void What_is_no_name_of_a_type_makes_none(string code) => Graph(
            ("A/A.cs", $"using App.B; namespace App.A; class A {{ {code} }}"),
            ("B/B.cs", "using App.A; namespace App.B; class B { A? _a; }"))
        .Cycles().ShouldBeEmpty();

    [Fact]
    public void A_name_that_two_folders_have_is_that_of_the_using() => Graph(
            ("A/A.cs", "using App.C; namespace App.A; class A { X? _x; }"),
            ("B/X.cs", "using App.A; namespace App.B; class X { A? _a; }"),
            ("C/X.cs", "namespace App.C; class X;"))
        .Cycles().ShouldBeEmpty();

    private static FolderGraph Graph(params (string Path, string Text)[] files) =>
        new([.. files.Select(f => new SourceFile(f.Path, f.Text.Replace("; ", ";\n")))]);

    private static SourceFile[] FilesOf(string project)
    {
        var root = Path.Combine(Sources, project);
        return [.. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(f => (Full: f, Path: Path.GetRelativePath(root, f).Replace('\\', '/')))
            .Where(f => f.Path.Split('/')[0] is not ("bin" or "obj"))
            .OrderBy(f => f.Path, StringComparer.Ordinal)
            .Select(f => new SourceFile(f.Path, File.ReadAllText(f.Full)))];
    }
}
