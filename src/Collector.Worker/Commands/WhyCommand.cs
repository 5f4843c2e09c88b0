using System.CommandLine;
using System.Text.Json;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Findings;
using Collector.Worker.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Commands;

/// <summary><c>netlens why</c>: the causes that were found, with their evidence.</summary>
internal static class WhyCommand
{
    /// <summary>How long it watches itself where no agent runs.</summary>
    private static readonly TimeSpan DefaultFor = TimeSpan.FromSeconds(10);

    /// <summary>Collections of that time.</summary>
    private const int Collections = 5;

    public static Command Create()
    {
        var config = CommonOptions.Config();
        var server = CommonOptions.Server();
        var format = CommonOptions.Format("text", "json");
        format.Aliases.Add("-o");
        var pod = CommonOptions.Pod();
        var netns = CommonOptions.Namespaces();
        var since = Since();
        var all = new Option<bool>("--all")
        {
            Description = "Also consequences of other findings, and of each what cannot be seen and where to read on.",
        };
        var (replay, at) = (Replays.File(), Replays.At());
        var duration = CommonOptions.For();
        duration.Description = "How long to watch where no agent runs (default 10s).";
        var command = new Command(
            "why", "What is wrong on this node, now or in the last hour: the causes, their evidence, what to change.")
        {
            config, server, pod, netns, since, all, duration, format, replay, at,
        };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var request = new WhyRequest(
                parsed.GetValue(pod), parsed.GetValue(netns) ?? [], Time(parsed.GetValue(since)), parsed.GetValue(all));
            var isJson = parsed.GetValue(format) == "json";
            if (parsed.GetValue(replay) is { } file)
            {
                if (Session.Configure(parsed.GetValue(config))?.Options is not { } ours)
                    return ExitCodes.Configuration;
                return Session.Guard(() => Replayed(file, Replays.TimeOf(parsed.GetValue(at)), request, ours, isJson));
            }
            var asked = parsed.GetValue(server);
            var options = Session.Configure(parsed.GetValue(config))?.Options;
            if (options is null && asked is null)
                return ExitCodes.Configuration;
            options ??= new AgentOptions();
            var client = new AgentClient(asked, peers.Read(parsed));
            using var findings = await ReadAsync(
                options, client, asked, Time(parsed.GetValue(duration)) ?? DefaultFor, request.Ledger);
            if (findings is null)
                return ExitCodes.Unavailable;
            Print(findings, request, isJson);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(JsonDocument findings, WhyRequest request, bool isJson)
    {
        if (isJson)
            Output.Json(json => WhyReport.Write(json, findings.RootElement, request));
        else
            WhyReport.Print(findings.RootElement, request, Output.Screen);
    }

    private static int Replayed(string path, long? at, WhyRequest request, AgentOptions options, bool isJson)
    {
        if (Replays.Open(path) is not { } file)
            return ExitCodes.Configuration;
        using var findings = ReplayedFindings.Find(file, at, request.Ledger, options);
        if (findings is null)
        {
            Output.Error(at is null ? "the recording has no collection" : "--at: the recording begins later");
            return ExitCodes.Configuration;
        }
        Print(findings, request, isJson);
        return ExitCodes.Ok;
    }

    private static Option<string?> Since() => CommonOptions.Duration(
        new Option<string?>("--since") { Description = "Only what was seen in this time, such as 5m; up to 1h." }, "1h",
        "30s or 5m");

    private static TimeSpan? Time(string? text) =>
        text is not null && DurationText.TryParse(text, out var value, out _) ? value : null;

    private static async Task<JsonDocument?> ReadAsync(
        AgentOptions options, AgentClient client, string? asked, TimeSpan duration, LedgerQuery query)
    {
        if (asked is not null || LocalAgent.Find(options) is not null)
            return await client.GetAsync(options, query.Path);
        Output.Error($"no agent at {LocalAgent.Places(options)}; watching for {DurationText.Format(duration)}");
        JsonDocument? own = null;
        return Session.Guard(() =>
        {
            own = Watch(options, duration, query);
            return ExitCodes.Ok;
        }) == ExitCodes.Ok ? own : null;
    }

    private static JsonDocument Watch(AgentOptions options, TimeSpan duration, LedgerQuery query)
    {
        var events = options.Events;
        using var hub = new EventHub(
            new EventLimiter(events.Burst, events.Window, TimeProvider.System), [], events.Queue, TimeProvider.System,
            NullLogger.Instance);
        using var collector = Session.Collector(options, [], events: hub)!;
        if (collector.Node.Findings is not { } engine)
            throw new IOException("this system has no findings: they need Linux");
        hub.Findings = engine.Inbox;
        engine.OnBroken = static broken => Output.Error($"the rule {broken.Rule.Info.Kind} failed: {broken.Reason}");
        // What must be seen twice must be so within this time.
        engine.Shortest = duration / 4;
        collector.CollectOnce();
        using var first = collector.Store.Acquire();
        for (var i = 0; i < Collections; i++)
        {
            collector.Node.Rest(duration / Collections, CancellationToken.None);
            collector.CollectOnce();
        }
        using var last = collector.Store.Acquire();
        return FindingJson.Document(engine.Store.All, NodeName.Of(options),
            ledger: json => LedgerJson.Write(json, first.Snapshot!, last.Snapshot!, query));
    }
}
