using Collector.Tests.Support;
using Collector.Worker.Configuration;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

/// <summary>Documentation and sample follow the schema. <c>UPDATE_DOCS=1 dotnet test</c> rewrites them.</summary>
public class ConfigurationDocsTests
{
    private static readonly string Root = Repository.Root;
    private static readonly string SamplePath = Path.Combine(Root, "otel-config", "netlens.yaml");

    [Fact]
    public void The_page_has_the_table_of_the_schema()
    {
        var path = Path.Combine(Root, "docs", "configuration.md");
        var page = File.ReadAllText(path);
        var begin = page.IndexOf(ConfigurationDocs.Begin, StringComparison.Ordinal);
        var end = page.IndexOf(ConfigurationDocs.End, StringComparison.Ordinal);
        begin.ShouldBeGreaterThan(0);
        end.ShouldBeGreaterThan(begin);
        Hold(path, page[..begin] + $"{ConfigurationDocs.Begin}\n\n{ConfigurationDocs.Table()}\n" + page[end..]);
    }

    [Fact]
    public void The_sample_is_that_of_the_schema() => Hold(SamplePath, ConfigurationDocs.Sample());

    [Fact]
    public void The_sample_loads_to_the_defaults() =>
        Describe(LoadGood(File.ReadAllText(SamplePath))).ShouldBe(Describe(LoadGood("")));

    [Fact]
    public void The_sample_names_every_key_and_its_examples_load()
    {
        // What is commented out has no space after the mark; comments have one.
        var lines = File.ReadAllLines(SamplePath).Select(l => l.StartsWith("  #") && l[3] != ' ' ? "  " + l[3..] : l);
        var result = Load(string.Join('\n', lines));

        result.Errors.ShouldBeEmpty();
        foreach (var key in ConfigurationSchema.Keys)
            result.Sources[key.Path].ShouldStartWith("f.yaml:", customMessage: key.Path);
        result.Sources["probes.tcpext.include"].ShouldStartWith("f.yaml:");
    }

    [Fact]
    public void Every_key_is_complete_and_its_variable_follows_from_its_name()
    {
        ConfigurationSchema.Keys.Select(k => k.Path).ShouldBeUnique();
        foreach (var key in ConfigurationSchema.Keys)
        {
            ConfigurationSchema.Sections.ShouldContain(s => s.Name == key.Section);
            key.Description.ShouldEndWith(".");
            (key.Default is null).ShouldBe(key.Example is not null, key.Path);
            (key.Variable is not null).ShouldBe(key.StandardVariables.Count == 0, key.Path);
            if (key.Variable is not null && key.Path != "resource.nodeName")
                key.Variable.ShouldBe("NETLENS_" + key.Path.Replace('.', '_').ToUpperInvariant());
        }
    }

    private static void Hold(string path, string expected)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, expected);
        File.Exists(path).ShouldBeTrue(path);
        File.ReadAllText(path).ShouldBe(expected, $"UPDATE_DOCS=1 rewrites {path}");
    }
}
