using Collector.Worker.Events.Outlets;
using Collector.Worker.Events.Outlets.Journal;
using Collector.Worker.Events.Outlets.Loki;
using Collector.Worker.Events.Outlets.Spool;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events;

/// <summary>Every way in which events leave, in the order in which they are named.</summary>
internal static class AllOutlets
{
    public static IReadOnlyList<OutletKind> List { get; } =
    [
        new("otlp", s => Otlp(s) is { } logs ? (logs, s.Spool) : null, MakeOtlp),
        new("loki", s => s.Loki is { } loki ? (loki, s.Spool) : null, MakeLoki),
        new("json", s => s.Options.Events.Json is { Length: > 0 } where ? where : null,
            (s, log) => JsonEventOutlet.Create(s.Options.Events.Json, log)),
        new("journald", s => s.Options.Events.Journald ? true : null, (_, log) => new JournalOutlet(log)),
        new("stream", s => s.Options.Events.Recent is > 0 and var recent ? recent : null,
            (s, _) => new StreamOutlet(s.Ring, s.Options.Events.Recent)),
    ];

    /// <summary>Those that the settings ask for; none where events are off.</summary>
    public static IEnumerable<OutletKind> Asked(OutletSettings settings) =>
        settings.Options.Events.Enabled ? List.Where(o => o.Asked(settings) is not null) : [];

    private static OtlpSignalSettings? Otlp(OutletSettings s) =>
        s.Options.Events.Otlp && s.Otlp.Logs.Enabled && s.Resource is not null ? s.Otlp.Logs : null;

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
