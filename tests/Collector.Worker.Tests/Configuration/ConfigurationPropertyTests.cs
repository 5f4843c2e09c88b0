using System.Globalization;
using System.Text;
using Collector.Worker.Configuration;
using FsCheck;
using FsCheck.Fluent;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

public class ConfigurationPropertyTests
{
    private static readonly string[] Fragments =
    [
        "\n", "\n", "\n  ", "\n    ", ": ", ":", " ", ",", "{", "}", "[", "]", "- ", "? ", "#", "\t", "\r", "'", "\"",
        "|", "|2-", ">", "&a ", "*a", "<<", "!!str ", "!<", "---", "\n---\n", "...", "%YAML 1.1\n",
        "%TAG ! x\n", "@", "`",
        "\\", "\\x41", "\\uD800", "~", "null", "on", "off", "true", "15s", "9999999999h", "-1", "\u0085", "\u2028",
        "\ufeff", "\ud83d\ude00", "\0", "é", "collection", "interval", "probes", "tcp", "tcpext", "include", "all",
        "enabled",
        "http", "listen", "[::1]:1", "otlp", "headers", "endpoint", "http://a/b", "everything", "links", "skip",
        "resource",
        "attributes", "findings", "path-loss", "share", "0.5%", "disk-slow", "duration",
    ];

    [Fact]
    public void Any_bytes_give_a_result_or_errors() => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(),
        bytes => Judge(ConfigurationLoader.Parse("f", bytes, Env(), Catalogue, Kinds))).Check(Quick(500));

    [Fact]
    public void Any_text_made_of_yaml_gives_a_result_or_errors() => Prop.ForAll(
        Gen.Elements(Fragments).ArrayOf().Select(string.Concat).ToArbitrary(),
        text => Judge(Load(text))).Check(Quick(5000));

    [Fact]
    public void Any_value_of_any_key_gives_a_result_or_errors() => Prop.ForAll(
        (from key in Gen.Elements(ConfigurationSchema.Keys.ToArray())
         from text in ArbMap.Default.GeneratorFor<string>()
         select $"{key.Section}: {{{key.Name}: {Quote(text ?? "")}}}").ToArbitrary(),
        text => Judge(Load(text))).Check(Quick(1000));

    [Fact]
    public void Any_value_of_any_variable_gives_a_result_or_errors() => Prop.ForAll(
        ArbMap.Default.ArbFor<string>(),
        text => Judge(ConfigurationLoader.Parse("f", [], _ => text, Catalogue, Kinds))).Check(Quick(500));

    [Fact]
    public void What_is_printed_loads_to_the_same() => Prop.ForAll(Configurations().ToArbitrary(), yaml =>
    {
        var first = Load(yaml);
        first.Errors.ShouldBeEmpty(yaml);
        var printed = ConfigurationPrinter.Print(first, Catalogue, revealSecrets: true);
        var second = Load(printed);
        second.Errors.ShouldBeEmpty(printed);
        Describe(second.Options!).ShouldBe(Describe(first.Options!), printed);
    }).Check(Quick(1000));

    private static Config Quick(int tests) => Config.QuickThrowOnFailure.WithMaxTest(tests);

    private static void Judge(ConfigurationResult result)
    {
        (result.Options is null).ShouldBe(result.Errors.Count > 0);
        result.Errors.Count.ShouldBeLessThanOrEqualTo(ErrorList.Limit + 1);
        foreach (var error in result.Errors)
            error.ToString().ShouldAllBe(c => !char.IsControl(c));
        if (result.Options is not null)
            Load(ConfigurationPrinter.Print(result, Catalogue)).Errors.ShouldBeEmpty();
    }

    /// <summary>Valid files with every kind of value, texts of any characters among them.</summary>
    private static Gen<string> Configurations() =>
        from seconds in Gen.Choose(1, 300)
        from name in Words()
        from attribute in Words()
        from value in Words()
        from header in Gen.Elements("x-a", "authorization", "a!b")
        from secret in Gen.Elements("", "Bearer x", "\"quoted\" \\ # no: comment", "{}", "~", "null")
        from note in Words()
        from words in Gen.Elements("[]", "[root]", "[all, leaf]", "root", "''")
        from state in Gen.Elements("on", "off", "yes", "no", "true", "false")
        from count in Gen.Choose(1, 100)
        from share in Gen.Choose(0, 10_000)
        from milliseconds in Gen.Choose(1000, 3_600_000)
        select $$"""
            collection: {interval: {{seconds}}s}
            resource:
              nodeName: {{Quote("n" + name.Replace(" ", ""))}}
              attributes:
                {{Quote("k" + attribute)}}: {{Quote(value)}}
            otlp:
              headers:
                {{header}}: {{Quote(secret)}}
              endpoint: "http://h/{{Uri.EscapeDataString(name)}}"
            probes:
              tcp: {{state}}
              everything:
                note: {{Quote(note)}}
                links: {{words}}
                enabled: {{state}}
                count: {{count}}
                every: {{milliseconds}}ms
            findings:
              link-flap: {{state}}
              path-loss: {least: {{count}}, share: {{(share / 100m).ToString(CultureInfo.InvariantCulture)}}%}
              disk-slow:
                enabled: {{state}}
                errorDuration: {{milliseconds % 600_000 + 1}}ms
            """;

    private static Gen<string> Words() => ArbMap.Default.GeneratorFor<string>()
        .Select(t => new string((t ?? "").Where(c => !char.IsControl(c) && !char.IsSurrogate(c)
            && c != '\ufffd' && !char.IsWhiteSpace(c)).ToArray()))
        .Zip(Gen.Elements("", " ", "\ud83d\ude00", "中文", "\u200d", "#", ": ", "\u00a0\u2028", "\ufeff"))
        .Select(pair => pair.Item1 + (pair.Item2.Any(char.IsWhiteSpace) ? pair.Item2.Trim() + "x" : pair.Item2));

    /// <summary>YAML in double quotes with every other character escaped: not the quoting under test.</summary>
    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
            quoted.Append(rune.Value is > 31 and < 127 and not '"' and not '\\' ? rune : $"\\U{rune.Value:X8}");
        return quoted.Append('"').ToString();
    }
}
