
namespace Collector.Worker.Events.Outlets;

/// <summary>Every way in which events leave, in the order in which they are named.</summary>
internal static class AllOutlets
{
    public static IReadOnlyList<OutletKind> List { get; } =
    [
        new("otlp", s => s.Options.Events.Otlp && s.Otlp.Logs.Enabled && s.Resource is not null
                ? (object)(s.Otlp.Logs, s.Resource) : null,
            (s, log) => new OtlpEventOutlet(s.Otlp.Logs, s.Resource!, s.Version, log)),
        new("json", s => s.Options.Events.Json is { Length: > 0 } where ? where : null,
            (s, log) => JsonEventOutlet.Create(s.Options.Events.Json, log)),
    ];

    /// <summary>Those that the settings ask for; none where events are off.</summary>
    public static IEnumerable<OutletKind> Asked(OutletSettings settings) =>
        settings.Options.Events.Enabled ? List.Where(o => o.Asked(settings) is not null) : [];
}
