using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>logging</c>.</summary>
internal static class LoggingKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("logging.level", Choice(
                ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("info", LogLevel.Information),
                ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("critical", LogLevel.Critical),
                ("none", LogLevel.None)),
            "The least important line that is still written.",
            o => o.Logging.Level, (o, v) => o with { Logging = o.Logging with { Level = (LogLevel)v! } })
        {
            Variable = "NETLENS_LOGGING_LEVEL",
        },
    ];
}
