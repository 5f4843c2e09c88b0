using System.CommandLine;
using Collector.Core.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Options that several commands share.</summary>
internal static class CommonOptions
{
    public static Option<string?> Config() => new("--config", "-c")
    {
        Description = $"Configuration file (default {ConfigurationLoader.DefaultPath}, if it exists).",
        HelpName = "FILE",
    };

    public static Option<string?> Server()
    {
        var option = new Option<string?>("--server", "-s")
        {
            Description = $"The agent to ask (default: that of this machine): {PeerAddress.Allowed}.",
            HelpName = "HOST[:PORT]",
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => !PeerAddress.TryParse(t.Value, 1, out _)))
            {
                result.AddError($"--server: '{Output.Printable(token.Value)}' is no agent's address; allowed: "
                    + PeerAddress.Allowed);
            }
        });
        return option;
    }

    public static Option<string> Format(params string[] formats)
    {
        var option = new Option<string>("--format", "-f")
        {
            Description = $"Output: {string.Join(", ", formats)}.",
            DefaultValueFactory = _ => formats[0],
            HelpName = "FORMAT",
        };
        return OneOf(option, formats);
    }

    // AcceptOnlyFromAmong does not say which option it complains about, and takes a line per value.
    public static Option<T> OneOf<T>(Option<T> option, params string[] allowed)
    {
        option.CompletionSources.Add(allowed);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => !allowed.Contains(t.Value)))
            {
                result.AddError($"{option.Name}: '{Output.Printable(token.Value)}' is not one of its values"
                    + $"{Suggestion.For(token.Value, allowed)}; allowed: {string.Join(", ", allowed)}");
            }
        });
        return option;
    }

    public static Option<string?> Naming(string description) =>
        OneOf(new Option<string?>("--naming") { Description = description, HelpName = "NAMING" },
            "otel", "kubeskoop", "inspector");

    public static Option<string[]> Probes(string description)
    {
        var option = new Option<string[]>("--probe", "-p")
        {
            Description = $"{description} May be given several times.",
            HelpName = "ID",
            AllowMultipleArgumentsPerToken = true,
        };
        option.CompletionSources.Add([.. NodeFactory.Catalogue.Select(p => p.Id)]);
        return option;
    }

    public static Option<string?> For() => Duration(
        new Option<string?>("--for")
        {
            Description = "Watch for this long, such as 10s: every counter is what it grew by. Probes that count only "
                + "what happens while they run (packetloss and its like) are left out otherwise.",
        }, "1h", "500ms, 10s or 1m");

    /// <summary>Lets an option take durations.</summary>
    /// <param name="option">Which.</param>
    /// <param name="longest">As a user writes it.</param>
    /// <param name="examples">Others that are taken.</param>
    /// <param name="orNone">0 as well.</param>
    public static Option<string?> Duration(
        Option<string?> option, string longest, string examples, bool orNone = true)
    {
        var most = DurationText.Parse(longest);
        option.HelpName = "DURATION";
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => !DurationText.TryParse(t.Value, out var value, out _)
                || value > most || (value <= TimeSpan.Zero && !orNone)))
            {
                result.AddError($"{option.Name}: '{Output.Printable(token.Value)}' is not a duration up to {longest}, "
                    + $"such as {examples}");
            }
        });
        return option;
    }

    public static Option<string[]> Namespaces() => new("--netns", "-n")
    {
        Description = "Only these network namespaces: an inode, a name under /run/netns, or 'host'. "
            + "May be given several times.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    public static Option<string?> Pod()
    {
        var option = new Option<string?>("--pod")
        {
            Description = "Only this pod, as namespace/name.",
            HelpName = "NAMESPACE/NAME",
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Select(t => t.Value))
            {
                if (token.Split('/') is not [{ Length: > 0 }, { Length: > 0 }])
                    result.AddError($"--pod: '{Output.Printable(token)}' is not namespace/name, such as default/web-0");
            }
        });
        return option;
    }
}
