using System.CommandLine;
using System.Globalization;
using Collector.Core.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>The options of <c>netlens watch</c>, and what was asked for by them.</summary>
internal sealed class WatchOptions
{
    private static readonly (string Word, WatchForm Form)[] Forms =
    [
        ("line", WatchForm.Line), ("json", WatchForm.Json), ("kubeskoop", WatchForm.KubeSkoop),
        ("inspector", WatchForm.Inspector),
    ];

    private readonly Option<string?> _config = CommonOptions.Config();
    private readonly Option<string[]> _servers = Several("--server", "-s", "HOST[:PORT]",
        "The agent of this node; several to see them at once. Port 9102 unless told; https:// and unix:/PATH too.");

    private readonly Option<string[]> _pods = Several("--pod", null, "[NAMESPACE/]NAME",
        "Only what happens to this pod, or with it at either end.");

    private readonly Option<string[]> _probes = Several("--probe", "-p", "ID", "Only events of this probe.");
    private readonly Option<string[]> _kinds = Several("--kind", "-k", "KIND", "Only events of this kind.");
    private readonly Option<string[]> _netns = Several("--netns", null, "NAME",
        "Only those of this network namespace, by inode or name.");

    private readonly Option<string[]> _addresses = Several("--address", "-e", "IP[/BITS]",
        "Only those with this address at either end.");

    private readonly Option<string?> _severity = CommonOptions.OneOf(new Option<string?>("--severity")
    {
        Description = "This severity and worse: info, warn, error.", HelpName = "SEVERITY",
    }, "info", "warn", "error");

    private readonly Option<string?> _since = new("--since")
    {
        Description = "First what was before: for a duration such as 10m, from a time (RFC 3339) or the seq of an "
            + "event on.",
        HelpName = "TIME",
    };

    // A timer's longest time is a little more.
    private readonly Option<string?> _for = CommonOptions.Duration(
        new Option<string?>("--for") { Description = "End after this long, such as 10s." }, "720h", "500ms, 10s or 1m",
        orNone: false);

    private readonly Option<long?> _count = new("--count", "-n")
    {
        Description = "End after so many events.", HelpName = "COUNT",
    };

    private readonly Option<string> _output = CommonOptions.OneOf(new Option<string>("--output", "-o")
    {
        Description = "How: line (for people), json (as agents send it), kubeskoop (as its sinks write) or inspector "
            + "(as ACK's prints).",
        HelpName = "FORM",
        DefaultValueFactory = _ => "line",
    }, [.. Forms.Select(f => f.Word)]);

    private readonly Option<string> _colour = CommonOptions.OneOf(new Option<string>("--color")
    {
        Description = "Colours: always, never, or auto: on a terminal, unless NO_COLOR is set.", HelpName = "WHEN",
        DefaultValueFactory = _ => "auto",
    }, "auto", "always", "never");

    private readonly PeerArguments _peers = new();

    private readonly Option<string?> _replay = Replays.File();
    private readonly Option<string?> _at = Replays.At();

    private readonly Option<bool> _own = new("--own")
    {
        Description = "Watch by own eBPF programs, even where an agent runs.",
    };

    public WatchOptions()
    {
        _probes.CompletionSources.Add([.. NodeFactory.Catalogue.Where(p => p.Events.Count > 0).Select(p => p.Id)]);
        _kinds.CompletionSources.Add([.. NodeFactory.Catalogue.SelectMany(p => p.Events)
            .Select(e => e.Name["netlens.".Length..])]);
        _count.Validators.Add(result =>
        {
            if (result.Tokens.Any(t => !long.TryParse(t.Value, NumberStyles.None, CultureInfo.InvariantCulture,
                out var value) || value < 1))
                result.AddError($"--count: '{Output.Printable(result.Tokens[0].Value)}' is not a number from 1");
        });
        _servers.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => !PeerAddress.TryParse(t.Value, 1, out _)))
            {
                result.AddError($"--server: '{Output.Printable(token.Value)}' is no agent's address; allowed: "
                    + PeerAddress.Allowed);
            }
        });
    }

    /// <summary>A timer's longest time is a little more.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (System.CommandLine.Option[])
        [
            _config, _servers, _pods, _probes, _kinds, _netns, _addresses, _severity, _since, _for,
            _count, _output, _colour,
        ])
            command.Options.Add(option);
        _peers.AddTo(command);
        command.Options.Add(_own);
        command.Options.Add(_replay);
        command.Options.Add(_at);
    }

    /// <summary>What is asked for.</summary>
    public WatchRequest Read(ParseResult parsed)
    {
        var (probes, port) = InspectorWords.ProbesAndPort(parsed.GetValue(_probes) ?? []);
        var form = Forms.First(f => f.Word == parsed.GetRequiredValue(_output)).Form;
        var silent = parsed.GetResult(_output) is not { Implicit: false };
        return new()
        {
            Config = parsed.GetValue(_config),
            Servers = parsed.GetValue(_servers) ?? [],
            Port = port ?? PeerAddress.DefaultPort,
            Own = parsed.GetValue(_own),
            Replay = parsed.GetValue(_replay),
            At = Replays.TimeOf(parsed.GetValue(_at)),
            Query = new(
            [
                .. Filters("pod", parsed.GetValue(_pods)), .. Filters("probe", probes),
                .. Filters("kind", parsed.GetValue(_kinds)), .. Filters("netns", parsed.GetValue(_netns)),
                .. Filters("address", parsed.GetValue(_addresses)),
                .. Filters("severity", parsed.GetValue(_severity) is { } severity ? [severity] : []),
            ], parsed.GetValue(_since)),
            For = DurationText.TryParse(parsed.GetValue(_for) ?? "", out var time, out _) ? time : null,
            Count = parsed.GetValue(_count),
            Form = silent && InspectorWords.AreSpoken ? WatchForm.Inspector : form,
            Colours = parsed.GetValue(_colour) switch { "always" => true, "never" => false, _ => null },
            Peers = _peers.Read(parsed),
        };
    }

    /// <summary>A parameter with each of its values.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Filters(string name, string[]? values) =>
        (values ?? []).Select(v => KeyValuePair.Create(name, v));

    private static Option<string[]> Several(string name, string? alias, string value, string description) =>
        new(name, alias is null ? [] : [alias])
        {
            Description = description, HelpName = value, AllowMultipleArgumentsPerToken = name != "--server",
        };
}
