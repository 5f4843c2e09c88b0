using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Microsoft.Extensions.Logging;

namespace Collector.Worker.Tests.Agent;

/// <summary>A configuration of which one part of the agent wants nothing.</summary>
public sealed class ConfigurationApplierTests
{
    private static readonly AgentConfiguration Before = Of(new());

    private static readonly AgentConfiguration Wanted = Of(new()
    {
        Otlp = new() { Endpoint = new("http://elsewhere:4318") },
        Resource = new() { NodeName = "another" },
        Logging = new() { Level = LogLevel.Debug },
    });

    [Fact]
    public async Task A_section_of_several_parts_is_in_force_in_all_of_them_or_in_none()
    {
        var running = new RunningConfiguration(Before);
        Part log = new("logging"), metrics = new("otlp", "resource"), names = new("resource");
        var applied = await new ConfigurationApplier(running, [log, metrics, new Part("otlp") { Fault = "no" }, names])
            .ApplyAsync(Wanted);

        applied.Errors.ShouldBe(["section otlp stays as it was: no"]);
        applied.Changed.ShouldBe(["logging", "otlp", "resource"], ignoreOrder: true);
        log.Seen.ShouldHaveSingleItem();
        metrics.Seen.Select(o => o.Otlp.Endpoint?.Host).ShouldBe(["elsewhere", null]);
        metrics.Seen.Select(o => o.Resource.NodeName).ShouldBe(["another", "another"]);
        names.Seen.ShouldHaveSingleItem().Otlp.Endpoint.ShouldBeNull();
        running.Options.Otlp.ShouldBe(Before.Options.Otlp);
        running.Options.Resource.NodeName.ShouldBe("another");
        running.Options.Logging.Level.ShouldBe(LogLevel.Debug);
    }

    [Fact]
    public async Task A_part_that_cannot_go_back_is_told()
    {
        var running = new RunningConfiguration(Before);
        var stubborn = new Part("otlp") { FaultAgain = "stuck" };
        var applied = await new ConfigurationApplier(running, [stubborn, new Part("otlp") { Fault = "no" }])
            .ApplyAsync(Wanted);
        applied.Errors.ShouldBe([
            "section otlp stays as it was: no", "section otlp is in force in part: stuck",
        ]);
    }

    private static AgentConfiguration Of(AgentOptions options) =>
        new(options, new Dictionary<string, string>(), new OtlpSettings { Metrics = new(), Logs = new() });

    private sealed class Part(params string[] names) : IReloadedSection
    {
        public List<AgentOptions> Seen { get; } = [];

        public string? Fault { get; init; }

        public string? FaultAgain { get; init; }

        public IReadOnlyList<string> Names => names;

        public Task ApplyAsync(AgentConfiguration wanted)
        {
            Seen.Add(wanted.Options);
            return (Seen.Count == 1 ? Fault : FaultAgain) is { } fault
                ? Task.FromException(new InvalidOperationException(fault))
                : Task.CompletedTask;
        }
    }
}
