using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>events</c>.</summary>
internal static class EventKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("events.enabled", ValueType.Boolean, "Off: probes count, and report no single events.",
            o => o.Events.Enabled, (o, v) => o with { Events = o.Events with { Enabled = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_ENABLED",
        },
        new ValueKey("events.burst", Integer(1, 10_000),
            "Events of one kind, namespace and reason that are let through per window; the others are counted.",
            o => o.Events.Burst, (o, v) => o with { Events = o.Events with { Burst = (int)(long)v! } })
        {
            Variable = "NETLENS_EVENTS_BURST",
        },
        new ValueKey("events.window", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            "Length of that window. At its end a summary tells how many were held back.",
            o => o.Events.Window, (o, v) => o with { Events = o.Events with { Window = (TimeSpan)v! } })
        {
            Variable = "NETLENS_EVENTS_WINDOW",
        },
        new ValueKey("events.json", JsonTarget, "Where events are written as JSON lines. Empty: nowhere.",
            o => o.Events.Json, (o, v) => o with { Events = o.Events with { Json = (string)v! } })
        {
            Variable = "NETLENS_EVENTS_JSON",
        },
        new ValueKey("events.otlp", ValueType.Boolean,
            "Sends events as OTLP log records, if there is an OTLP endpoint.",
            o => o.Events.Otlp, (o, v) => o with { Events = o.Events with { Otlp = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_OTLP",
        },
        new ValueKey("events.spans", ValueType.Boolean,
            "Sends what took time as OTLP spans too, if there is an OTLP endpoint for traces.",
            o => o.Events.Spans, (o, v) => o with { Events = o.Events with { Spans = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_SPANS",
        },
        new ValueKey("events.journald", ValueType.Boolean,
            "Sends events to the journal of systemd, with their attributes as fields.",
            o => o.Events.Journald, (o, v) => o with { Events = o.Events with { Journald = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_JOURNALD",
        },
        new ValueKey("events.queue", Integer(1, 65_536),
            "Events that may wait for a slow outlet; what comes on top is dropped and counted.",
            o => o.Events.Queue, (o, v) => o with { Events = o.Events with { Queue = (int)(long)v! } })
        {
            Variable = "NETLENS_EVENTS_QUEUE",
        },
        new ValueKey("events.spool", AbsolutePath,
            "Folder where events wait while an OTLP or Loki backend is away, also across a restart. Empty: nowhere.",
            o => o.Events.Spool, (o, v) => o with { Events = o.Events with { Spool = (string?)v } })
        {
            Variable = "NETLENS_EVENTS_SPOOL",
            Example = "/var/lib/netlens/spool",
        },
        new ValueKey("events.spoolSize", Choice(
                ("4MiB", 4L << 20), ("16MiB", 16L << 20), ("64MiB", 64L << 20), ("256MiB", 256L << 20),
                ("1GiB", 1L << 30), ("4GiB", 4L << 30)),
            "Largest size of that folder for each backend; the oldest events give way.",
            o => o.Events.SpoolSize, (o, v) => o with { Events = o.Events with { SpoolSize = (long)v! } })
        {
            Variable = "NETLENS_EVENTS_SPOOLSIZE",
        },
        new ValueKey("events.spoolAge", Duration(TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)),
            "Events that have waited there longer are lost and counted.",
            o => o.Events.SpoolAge, (o, v) => o with { Events = o.Events with { SpoolAge = (TimeSpan)v! } })
        {
            Variable = "NETLENS_EVENTS_SPOOLAGE",
        },
        new ValueKey("events.recent", Integer(0, 100_000),
            "The newest events, which GET /events streams and can still give. 0: there is no stream.",
            o => o.Events.Recent, (o, v) => o with { Events = o.Events with { Recent = (int)(long)v! } })
        {
            Variable = "NETLENS_EVENTS_RECENT",
        },
    ];
}
