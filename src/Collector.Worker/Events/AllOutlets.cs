using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Journal;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Events.Outlets.Spool;

namespace Collector.Worker.Events;

/// <summary>Every way in which events leave, in the order in which they are named.</summary>
internal static class AllOutlets
{
    public static IReadOnlyList<OutletKind> List { get; } =
    [
        new("otlp", s => s.Options.Events.Otlp && s.Otlp.Logs.Enabled
                ? (s.Otlp.Logs, s.Resource, s.Spool) : default(object), MakeOtlp)
        { Goes = s => $"OTLP log records to {s.Otlp.Logs}" },
        new(SpanEventOutlet.OutletName, s => s.Options.Events.Spans && s.Otlp.Traces.Enabled
                ? (s.Otlp.Traces, s.Resource) : default(object),
            (s, log) => new SpanEventOutlet(s.Otlp.Traces, s.Resource!, s.Version, log))
        { Goes = s => $"OTLP spans of what took time to {s.Otlp.Traces}", Takes = static kind => kind.IsTimed },
        new("loki", s => s.Loki is { } loki ? (loki, s.Spool) : null, MakeLoki) { Goes = s => $"lines to {s.Loki}" },
        new("json", s => s.Options.Events.Json is { Length: > 0 } where ? where : null,
            (s, log) => JsonEventOutlet.Create(s.Options.Events.Json, log))
        {
            Goes = s => s.Options.Events.Json is var where && where == EventOptions.StandardOutput
                ? "JSON lines to standard output"
                : $"JSON lines to {where}",
        },
        new("journald", s => s.Options.Events.Journald ? true : null, (_, log) => new JournalOutlet(log))
        { Goes = _ => "entries of the journal" },
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

    private static IEventOutlet MakeOtlp(OutletSettings s, ILogger log)
    {
        var otlp = new OtlpEventOutlet(s.Otlp.Logs, s.Resource!, s.Version, log);
        return s.Spool is null ? otlp : Spooled(s, s.Spool, otlp, log);
    }

    private static IEventOutlet MakeLoki(OutletSettings s, ILogger log)
    {
        var loki = new LokiOutlet(s.Loki!, s.Version, TimeProvider.System);
        return s.Spool is null ? new RetryingOutlet(loki, log) : Spooled(s, s.Spool, loki, log);
    }

    private static SpooledOutlet Spooled(OutletSettings s, SpoolSettings spool, IRemoteOutlet remote, ILogger log) =>
        new(remote, spool, s.Options.Events.Queue, log, TimeProvider.System);
}
