using Collector.Worker.Configuration;

namespace Collector.Worker.Tests.Configuration;

/// <summary>What a reload tells of a changed file: derived from the schema, so that no section can be forgotten.</summary>
public sealed class SectionChangeTests
{
    public static TheoryData<string> Keys() => [.. ConfigurationSchema.Keys.Select(k => k.Path)];

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_key_that_changed_names_its_section_and_set_back_it_names_none(string path)
    {
        var key = ConfigurationSchema.Keys.Single(k => k.Path == path);
        var before = new AgentOptions();
        var after = Other(key, before);
        ConfigurationSchema.Changed(before, after).ShouldBe([key.Section]);
        ConfigurationSchema.Changed(after, Other(key, before)).ShouldBeEmpty();
        ConfigurationSchema.Changed(before, new AgentOptions()).ShouldBeEmpty();
        ConfigurationSchema.Changed(before, ConfigurationSchema.Keep(key.Section, before, after)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("findings: {path-loss: off}")]
    [InlineData("findings: {path-loss: {least: 77}}")]
    public void So_does_a_kind_of_finding_or_its_threshold(string yaml)
    {
        var (before, after) = (Samples.LoadGood(""), Samples.LoadGood(yaml));
        ConfigurationSchema.Changed(before, after).ShouldBe(["findings"]);
        ConfigurationSchema.Changed(before, ConfigurationSchema.Keep("findings", before, after)).ShouldBeEmpty();
        ConfigurationSchema.Changed(after, Samples.LoadGood(yaml)).ShouldBeEmpty();
    }

    private static AgentOptions Other(ConfigurationKey key, AgentOptions options)
    {
        if (key is MapKey map)
            return map.Set(options, new Dictionary<string, string> { ["a"] = "b" });
        var single = (ValueKey)key;
        string[] texts =
        [
            "true", "false", "7", "1500", "17s", "3m", "127.0.0.1:1", "/tmp/other", "http://other/", "other", "all",
            .. key.Allowed.Split(", "),
        ];
        return texts.Select(t => single.Type.Parse(t, out _)).Where(v => v is not null)
            .Select(v => single.Set(options, v)).First(o => !single.Same(o, options));
    }
}
