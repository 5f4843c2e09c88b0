using System.CommandLine;
using Collector.Linux.Interop;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Hosting;
using Collector.Worker.Recorder;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary><c>netlens watch</c>: events as they happen.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var options = new WatchOptions();
        var command = new Command(
            "watch", "Show events as they happen: those of the agent, or seen by own programs where none runs.");
        options.AddTo(command);
        command.SetAction(parsed => Run(options.Read(parsed)));
        return command;
    }

    /// <summary>Watches until a signal, the time or the number is reached.</summary>
    /// <returns>An exit code.</returns>
    public static int Run(WatchRequest request) => Session.Guard(() =>
    {
        if (!TryFind(request, out var sources, out var node, out var code))
            return code;
        using var signals = new StopSignals();
        var screen = new WatchScreen(Console.Out, Output.TerminalWidth, IsLive(request), HasColours(request));
        Output.BeforeError = screen.MakeRoom;
        var printer = new WatchPrinter(request.Form, node, [.. sources.Select(s => s.Name)]);
        return new WatchSession(screen, printer, request.For, request.Count, IsReaderGone)
            .RunAsync(sources, signals.Token).GetAwaiter().GetResult();
    });

    private static bool TryFind(WatchRequest request, out IWatchSource[] sources, out string node, out int code)
    {
        (sources, node, code) = ([], "", ExitCodes.Configuration);
        if (request.Replay is { } path)
            return TryReplay(path, request, out sources, out node, out code);
        if (request.Servers.Count > 0 && !request.Own)
        {
            sources = [.. request.Servers.Distinct().Select(s => Ask(Address(s, request.Port), request))];
            return true;
        }
        var configured = Session.Configure(request.Config)?.Options;
        node = NodeName.Of(configured ?? new());
        // An agent that refused the file goes on as it was.
        if (!request.Own && LocalAgent.Find(configured ?? new()) is { } peer)
        {
            sources = [Ask(peer, request)];
            return true;
        }
        if (configured is not { } options)
            return false;
        if (!TryParse(request, TimeProvider.System, out var query))
        {
            code = ExitCodes.Usage;
            return false;
        }
        if (request.Query.Since is not null)
            Output.Error("--since needs an agent, which has seen what was before; left out");
        sources = [new OwnEvents(options, query.Filter with { Since = long.MinValue }, request.Own)];
        return true;
    }

    private static bool TryReplay(
        string path, WatchRequest request, out IWatchSource[] sources, out string node, out int code)
    {
        (sources, node, code) = ([], "", ExitCodes.Failure);
        if (Replays.Open(path) is not { } file)
            return false;
        // "Ten minutes ago" is seen from its end.
        code = ExitCodes.Usage;
        if (!TryParse(request, new RecordedEnd(request.At ?? Replays.EndOf(file)), out var query))
            return false;
        node = file.Node;
        sources = [new ReplayedEvents(file.Events, query, request.At ?? long.MaxValue)];
        return true;
    }

    private static bool TryParse(WatchRequest request, TimeProvider time, out EventQuery query)
    {
        var parser = new EventQueryParser([.. NodeFactory.Catalogue.SelectMany(p => p.Events)], time);
        var parameters = request.Query.Parameters();
        if (request.Replay is not null && request.Query.Since is { } since)
            parameters = parameters.Append(new("since", since));
        if (parser.TryParse(parameters, out query, out var problem))
            return true;
        Output.Error($"--{problem}");
        return false;
    }

    private static AgentEvents Ask(PeerAddress peer, WatchRequest request) =>
        new(peer, request.Peers, request.Query, AgentIdentity.Version);

    private static PeerAddress Address(string text, int port) => PeerAddress.TryParse(text, port, out var address)
        ? address
        : throw new InvalidOperationException(text);

    private static bool IsTerminal => Output.TerminalWidth() is not null && Output.HasSequences;

    private static bool IsLive(WatchRequest request) =>
        IsTerminal && request.Form is not (WatchForm.Json or WatchForm.KubeSkoop);

    // https://no-color.org: any value that is not empty.
    private static bool HasColours(WatchRequest request) => request.Colours
        ?? (IsTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    private static bool IsReaderGone() =>
        OperatingSystem.IsLinux() && DescriptorOutput.IsReaderGone(StandardStreams.Output);
}
