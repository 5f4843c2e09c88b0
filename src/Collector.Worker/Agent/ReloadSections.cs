using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Hosting;
using Collector.Worker.Http;
using Collector.Worker.Inspector;
using Collector.Worker.Recorder;
using Collector.Worker.Telemetry;

namespace Collector.Worker.Agent;

/// <summary>The agent's own lines, those of the reload among them.</summary>
internal sealed class LoggingSection(LogLevelSwitch level) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["logging"];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        level.Level = wanted.Options.Logging.Level;
        return Task.CompletedTask;
    }
}

/// <summary>What is read, how often, and how much of it: taken over at the start of the next collection.</summary>
internal sealed class CollectionSection(NodeCollector collector, CollectionLoop loop) : IReloadedSection
{
    public IReadOnlyList<string> Names =>
        ["collection", ConfigurationSchema.Probes, "ebpf", "budget", "pods", "limits", ConfigurationSchema.Findings];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        collector.Reconfigure(wanted.Options);
        loop.Interval = wanted.Options.Collection.Interval;
        return Task.CompletedTask;
    }
}

/// <summary>What is kept of the last collections: taken over with the next one.</summary>
internal sealed class RecorderSection(History history) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["recorder"];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        history.Options = wanted.Options.Recorder;
        return Task.CompletedTask;
    }
}

/// <summary>Metrics over OTLP.</summary>
internal sealed class OtlpSection(OtlpMetricExporter metrics) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["otlp", "resource"];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        metrics.Reconfigure(wanted.Otlp, wanted.Resource);
        return Task.CompletedTask;
    }
}

/// <summary>The log, and what the agent counts of itself, over OTLP.</summary>
internal sealed class TelemetrySection(SelfTelemetry telemetry) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["otlp", "resource"];

    public Task ApplyAsync(AgentConfiguration wanted) => telemetry.ReconfigureAsync(wanted.Otlp, wanted.Resource);
}

/// <summary>Events: what gets through, and where it goes.</summary>
internal sealed class EventsSection(
    EventHub hub, EventRing ring, ILogger<EventHub> log) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["events", "loki", "otlp", "resource"];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        var settings = new OutletSettings(
            wanted.Options, wanted.Otlp, wanted.Resource, AgentIdentity.Version, ring);
        hub.Reconfigure(settings, log);
        EventLog.Go(log, AllOutlets.Goes(settings));
        return Task.CompletedTask;
    }
}

/// <summary>
/// The port of the inspector's stream. It may not be had: then events stay as they were, so it comes before they
/// change.
/// </summary>
internal sealed class InspectorSection(InspectorServer inspector) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["events"];

    public Task ApplyAsync(AgentConfiguration wanted) =>
        inspector.ReconfigureAsync(wanted.Options.Events.Inspector);
}

/// <summary>The listener, and the node's name on its pages.</summary>
internal sealed class HttpSection(HttpService service) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["http"];

    public Task ApplyAsync(AgentConfiguration wanted) => service.ReconfigureAsync(wanted.Options);
}

/// <summary>The node's name in the legacy namings.</summary>
internal sealed class NodeNameSection(NetlensHttp http) : IReloadedSection
{
    public IReadOnlyList<string> Names => ["resource"];

    public Task ApplyAsync(AgentConfiguration wanted)
    {
        http.Writer = http.Writer.WithNode(NodeName.Of(wanted.Options));
        return Task.CompletedTask;
    }
}
