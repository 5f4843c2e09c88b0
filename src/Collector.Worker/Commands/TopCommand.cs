using System.CommandLine;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens top</c>: the node in one look, on a terminal; elsewhere one table of it.</summary>
internal static class TopCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var server = CommonOptions.Server();
        var tab = CommonOptions.OneOf(new Option<string>("--tab", "-t")
        {
            Description = "What is shown first: findings, pods, listeners, drops, devices.",
            HelpName = "TAB",
            DefaultValueFactory = _ => TopTables.All[0].Name,
        }, [.. TopTables.All.Select(t => t.Name)]);
        var (replay, at) = (Replays.File(), Replays.At());
        var command = new Command(
            "top", "The node in one look: findings, pods, listeners, drops, devices; keys lead on, ? tells which.")
        {
            config, server, tab, replay, at,
        };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            var asked = parsed.GetValue(server);
            var state = new TopState();
            state.Show(TopTables.All.First(t => t.Name == parsed.GetValue(tab)).Tab);
            if (parsed.GetValue(replay) is { } file)
            {
                if (Session.Configure(parsed.GetValue(config))?.Options is not { } ours)
                    return Task.FromResult(ExitCodes.Configuration);
                return Task.FromResult(Session.Guard(() => Replayed(file, parsed.GetValue(at), ours, state)));
            }
            var options = asked is null ? Session.Configure(parsed.GetValue(config))?.Options : null;
            var agent = new TopAgent(options ?? new AgentOptions(), asked, peers.Read(parsed));
            return Task.FromResult(Session.Guard(() => Run(agent, state)));
        });
        return command;
    }

    private static int Replayed(string path, string? at, AgentOptions options, TopState state) =>
        TopReplay.Open(path, Replays.TimeOf(at), options) is { } source
            ? Run(source, state) : ExitCodes.Configuration;

    private static int Run(ITopSource source, TopState state)
    {
        var (documents, problem) = TopSession.ReadAsync(source, state.Wanted).GetAwaiter().GetResult();
        if (documents.Count == 0)
        {
            Output.Error(problem);
            return ExitCodes.Unavailable;
        }
        state.Take(documents);
        state.Problem = problem;
        state.Moment = source.Moment;
        if (OperatingSystem.IsLinux() && Output.TerminalWidth() is not null && Output.HasSequences)
        {
            using var signals = new StopSignals();
            using var terminal = RawTerminal.Enter();
            if (terminal is not null)
            {
                return new TopSession(source, state, HasColours).RunAsync(terminal, signals.Token)
                    .GetAwaiter().GetResult();
            }
        }
        if (problem.Length > 0)
        {
            Output.Error(problem);
            return ExitCodes.Unavailable;
        }
        Print(state);
        return ExitCodes.Ok;
    }

    // https://no-color.org: any value that is not empty.
    private static bool HasColours => string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>Where nobody can press a key.</summary>
    internal static void Print(TopState state)
    {
        var table = new TextTable([.. state.Table.Columns.Select(c => c.Heading)]);
        foreach (var row in state.Rows)
            table.Row([.. row.Cells.Select(c => c.Text)]);
        Output.Print(table);
    }
}
