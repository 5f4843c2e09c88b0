using System.CommandLine;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Windows;
using Collector.Worker.Http;

namespace Collector.Worker.Commands;

/// <summary><c>netlens run</c>: the agent, until it is told to stop.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var command = new Command(
            "run", "Run the agent: collect, serve /metrics, push over OTLP if an endpoint is set.") { config };
        command.SetAction(async (parsed, _) =>
        {
            var code = await RunAsync(parsed.GetValue(config));
            await WindowsService.ReportEndAsync(code);
            return code;
        });
        return command;
    }

    private static async Task<int> RunAsync(string? config)
    {
        if (!Session.HasRoomForFiles())
            return ExitCodes.CannotStart;
        var (path, named) = ConfigurationLoader.FileOf(config);
        var file = ConfigurationFileState.Load(path, named);
        var errors = new List<string>();
        var configuration = AgentConfiguration.Check(file.Result, errors);
        foreach (var line in errors.Concat(file.Result.Warnings).Concat(configuration?.Otlp.Warnings ?? [])
            .Concat(VariableHints.OfEnvironment()))
            Output.Error(line);
        if (configuration is null)
            return ExitCodes.Configuration;
        if (Signals.StoppedBy is { } signal)
        {
            Output.Error($"stopped by {signal} before it began");
            return ExitCodes.Ok;
        }
        try
        {
            using var agent = AgentHost.Build(configuration, file);
            return await agent.RunAsync(Signals.Stop);
        }
        catch (Exception e) when (IsCannotStart(e))
        {
            Output.Error($"cannot start: {e.Message}");
            return ExitCodes.CannotStart;
        }
    }

    // What the machine refuses: a port in use, a certificate that cannot be read, a folder that is not there.
    private static bool IsCannotStart(Exception e) =>
        e is HttpListenException or HttpFileException or IOException or UnauthorizedAccessException
            or InvalidOperationException or Linux.Interop.LinuxException;
}
