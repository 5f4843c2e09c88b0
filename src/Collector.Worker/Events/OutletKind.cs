using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Recorder;

namespace Collector.Worker.Events;

/// <summary>What outlets are made of.</summary>
/// <param name="Options">The configuration.</param>
/// <param name="Otlp">Its OTLP part with the environment over it.</param>
/// <param name="Resource">Who says it; null where OTLP is off.</param>
/// <param name="Version">Version of the agent.</param>
/// <param name="Ring">Keeps the newest events; one for as long as the agent runs.</param>
internal sealed record OutletSettings(
    AgentOptions Options, OtlpSettings Otlp, ResourceAttributes? Resource, string Version, EventRing Ring)
{
    /// <summary>Null where nothing goes to Loki. That it is without errors was checked before.</summary>
    public LokiSettings? Loki { get; } = LokiSettings.Of(Options, Environment.GetEnvironmentVariable, []);

    /// <summary>Null where nothing is kept on disk.</summary>
    public SpoolSettings? Spool { get; } = SpoolSettings.Of(Options.Events);
}

/// <summary>One way in which events leave.</summary>
/// <param name="Name">One word for self-metrics and the log.</param>
/// <param name="Asked">What it depends on, equal by value as long as the outlet may stay; null where it is off.</param>
/// <param name="Make">Makes it; only called where it is asked for.</param>
internal sealed record OutletKind(
    string Name, Func<OutletSettings, object?> Asked, Func<OutletSettings, ILogger, IEventOutlet> Make)
{
    /// <summary>Where events go by it, for people: "JSON lines to standard output".</summary>
    public Func<OutletSettings, string>? Goes { get; init; }

    /// <summary>Whether events of a kind may go by it; null: all.</summary>
    public Func<EventInfo, bool>? Takes { get; init; }

    /// <summary>It keeps events where somebody may ask for them, and sends them nowhere.</summary>
    public bool OnlyKeeps { get; init; }
}
