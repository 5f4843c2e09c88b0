using System.Text;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Configuration.Import;

namespace Fuzz.Tests.Targets;

/// <summary>YAML: our own file, others' files, and the variables over it.</summary>
internal static class ConfigurationTargets
{
    private static readonly string[] Yaml =
    [
        ": ", "- ", "{", "}", "[", "]", "|\n ", ">-\n", "\"", "'", "# ", "&a ", "*a", "!!str ", "---\n", "...\n", "? ",
        "\n  ", "\n", "\t", "\r", "null", "true", "15s", "99999999999h", "\\u0000", "\\uD800", "%YAML 1.2\n", "<<: ",
    ];

    public static FuzzTarget File { get; } = FuzzTarget.Of("configuration", static () =>
    [
        System.IO.File.ReadAllBytes(Path.Combine(Repository.Root, "otel-config/netlens.yaml")),
        "probes: {softnet: {perCpu: on}, tcpext: {include: all}}\npods: {labels: [app, tier]}"u8.ToArray(),
    ], static input => Load(input), Yaml);

    public static FuzzTarget Import { get; } = FuzzTarget.Of(
        "import", static () => [], static input =>
        {
            var imported = ConfigurationImport.Read("f", input, NodeFactory.Catalogue);
            (imported.Text is null).ShouldBe(imported.Errors.Count > 0);
            if (imported.Text is { } text && text.StartsWith("# The configuration", StringComparison.Ordinal))
                Load(Encoding.UTF8.GetBytes(text)).Errors.ShouldBeEmpty(text);
        },
        [.. Yaml, "metrics:", "event:", "probes:", "args:", "name: ", "config.yaml: |\n", "${labels:", "sinks: "]);

    public static FuzzTarget Variables { get; } = FuzzTarget.Of("variables", static () =>
    [
        .. new[]
        {
            "-all,tcp,udp", "15s", "127.0.0.1:9102", "[fe80::1%lo]:1", "unix:///run/x.sock", "stdout", "a,b", "true",
        }.Select(Encoding.UTF8.GetBytes),
    ], static input =>
    {
        var text = Encoding.UTF8.GetString(input);
        var result = ConfigurationLoader.Parse("f", [], _ => text, NodeFactory.Catalogue);
        (result.Options is null).ShouldBe(result.Errors.Count > 0);
    }, "-", "+", ",", "[", "]", "%", ":", "/", "unix:", "::ffff:", "9999999999999999999", "\0");

    // What is printed loads again, to the same and without errors.
    private static ConfigurationResult Load(byte[] input)
    {
        var result = ConfigurationLoader.Parse("f", input, static _ => null, NodeFactory.Catalogue);
        (result.Options is null).ShouldBe(result.Errors.Count > 0);
        foreach (var error in result.Errors)
            error.ToString().ShouldAllBe(c => !char.IsControl(c));
        if (result.Options is not null)
        {
            var printed = ConfigurationPrinter.Print(result, NodeFactory.Catalogue, revealSecrets: true);
            ConfigurationLoader.Parse("f", Encoding.UTF8.GetBytes(printed), static _ => null, NodeFactory.Catalogue)
                .Errors.ShouldBeEmpty(printed);
        }
        return result;
    }
}
