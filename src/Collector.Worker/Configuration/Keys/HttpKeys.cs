using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>http</c>.</summary>
internal static class HttpKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("http.enabled", ValueType.Boolean, "Off opens no port at all.",
            o => o.Http.Enabled, (o, v) => o with { Http = o.Http with { Enabled = (bool)v! } })
        {
            Variable = "NETLENS_HTTP_ENABLED",
        },
        new ValueKey("http.listen", Listen,
            "Address and port. Anything but loopback shows the node's counters to whoever reaches the port.",
            o => o.Http.Listen, (o, v) => o with { Http = o.Http with { Listen = (string)v! } })
        {
            Variable = "NETLENS_HTTP_LISTEN",
        },
    ];
}
