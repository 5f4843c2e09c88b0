using System.CommandLine;
using Collector.Worker.Configuration;

namespace Collector.Worker.Commands;

/// <summary>Options that several commands share.</summary>
internal static class CommonOptions
{
    public static Option<string?> Config() => new("--config", "-c")
    {
        Description = $"Configuration file (default {ConfigurationLoader.DefaultPath}, if it exists).",
        HelpName = "FILE",
    };

    public static Option<string> Format(params string[] formats)
    {
        var option = new Option<string>("--format", "-f")
        {
            Description = $"Output: {string.Join(", ", formats)}.",
            DefaultValueFactory = _ => formats[0],
            HelpName = "FORMAT",
        };
        return option.AcceptOnlyFromAmong(formats);
    }

    public static Option<string?> Naming() =>
        new Option<string?>("--naming")
        {
            Description = "Metric names: otel, kubeskoop (kubeskoop_*) or inspector (inspector_pod_*).",
            HelpName = "NAMING",
        }.AcceptOnlyFromAmong("otel", "kubeskoop", "inspector");

    public static Option<string[]> Probes() => new("--probe", "-p")
    {
        Description = "Only these probes, also ones that are off by default. May be given several times.",
        HelpName = "ID",
        AllowMultipleArgumentsPerToken = true,
    };

    public static Option<string[]> Namespaces() => new("--netns", "-n")
    {
        Description = "Only these network namespaces: an inode, a name under /run/netns, or 'host'.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };
}
