using Collector.Worker.Configuration;

namespace Collector.Worker.Events.Outlets;

/// <summary>Every way in which events leave, in the order in which they are named.</summary>
internal static class AllOutlets
{
    public static IReadOnlyList<OutletKind> List { get; } =
    [
        new("otlp", s => s.Options.Events.Otlp && s.Otlp.Logs.Enabled ? (s.Otlp.Logs, s.Resource) : default(object),
            (s, log) => new OtlpEventOutlet(s.Otlp.Logs, s.Resource!, s.Version, log))
        { Goes = s => $"OTLP log records to {s.Otlp.Logs}" },
        new("spans", s => s.Options.Events.Spans && s.Otlp.Traces.Enabled
                ? (s.Otlp.Traces, s.Resource) : default(object),
            (s, log) => new SpanEventOutlet(s.Otlp.Traces, s.Resource!, s.Version, log))
        { Goes = s => $"OTLP spans of what took time to {s.Otlp.Traces}", Takes = static kind => kind.IsTimed },
        new("json", s => s.Options.Events.Json is { Length: > 0 } where ? where : null,
            (s, log) => JsonEventOutlet.Create(s.Options.Events.Json, log))
        {
            Goes = s => s.Options.Events.Json is var where && where == EventOptions.StandardOutput
                ? "JSON lines to standard output"
                : $"JSON lines to {where}",
        },
        new("stream", s => s.Options.Events.Recent is > 0 and var recent ? recent : null,
            (s, log) => new StreamOutlet(s.Ring, s.Options.Events.Recent))
        {
            OnlyKeeps = true,
            Goes = s => $"the last {s.Options.Events.Recent} are kept for `netlens watch` and GET /events",
        },
    ];

    /// <summary>Those that the settings ask for; none where events are off.</summary>
    public static IEnumerable<OutletKind> Asked(OutletSettings settings) =>
        settings.Options.Events.Enabled ? List.Where(o => o.Asked(settings) is not null) : [];

    /// <summary>Where events go, in a line for people.</summary>
    public static string Goes(OutletSettings settings)
    {
        if (!settings.Options.Events.Enabled)
            return "events are off (events.enabled): what probes see is only counted";
        var asked = Asked(settings).ToLookup(o => o.OnlyKeeps, o => o.Goes?.Invoke(settings) ?? o.Name);
        var sent = asked[false].Any()
            ? $"events go as {string.Join("; as ", asked[false])}; nowhere else"
            : "events go nowhere (see events.json, events.otlp and otlp.endpoint)";
        return string.Join("; ", asked[true].Prepend(sent));
    }
}
