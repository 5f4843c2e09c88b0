using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>paths</c>.</summary>
internal static class PathKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("paths.proc", AbsolutePath, "The proc file system.",
            o => o.Paths.Proc, (o, v) => o with { Paths = o.Paths with { Proc = (string)v! } })
        {
            Variable = "NETLENS_PATHS_PROC",
        },
        new ValueKey("paths.sys", AbsolutePath, "The sys file system.",
            o => o.Paths.Sys, (o, v) => o with { Paths = o.Paths with { Sys = (string)v! } })
        {
            Variable = "NETLENS_PATHS_SYS",
        },
    ];
}
