using Collector.Worker.Configuration;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Systemd;
using Collector.Worker.Http;
using Collector.Worker.Logging;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Agent;

/// <summary>The file that a reload reads: the one that the start read.</summary>
internal sealed record ReloadSource(string? Path);

/// <summary>
/// SIGHUP (<c>systemctl reload</c>): reads the configuration again. A wrong file is refused whole with all its errors
/// and the agent goes on as it was. Each section that can applies its own change, the others say that they need a
/// restart.
/// </summary>
internal sealed partial class Reloader(
    ReloadSource source, AgentOptions started, IEnumerable<IReloadedSection> sections, ISystemdNotifier notifier,
    ILogger<Reloader> log)
    : BackgroundService
{
    /// <summary>Time between two: a storm of signals is answered with a few.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Signals.HangupAsync(stoppingToken);
                TryReload();
                await Task.Delay(Rest, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void TryReload()
    {
        try
        {
            Reload();
        }
        catch (Exception e)
        {
            Failed(log, e);
        }
    }

    private void Reload()
    {
        notifier.Notify(ServiceState.Reloading());
        try
        {
            Load();
        }
        finally
        {
            notifier.Notify(ServiceState.Ready);
        }
    }

    private void Load()
    {
        var (file, named) = ConfigurationLoader.FileOf(source.Path);
        var result = ConfigurationLoader.Load(file, named, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
        var errors = result.Errors.Select(e => e.ToString()).ToList();
        if (result.Options is { } read)
            HttpChecks.Check(read.Http, result.Sources, errors);
        if (result.Options is { } options && errors.Count == 0)
            Apply(options, file);
        foreach (var error in errors)
            Refused(log, error);
    }

    private void Apply(AgentOptions options, string file)
    {
        foreach (var section in sections)
            section.Apply(options);
        // Against what is in force: a key that was set back says nothing.
        foreach (var section in ConfigurationSchema.Changed(started, options).Except(sections.Select(s => s.Name)))
            RestartNeeded(log, section);
        Reloaded(log, File.Exists(file) ? file : $"(there is no {file}: defaults and environment)");
    }

    [LoggerMessage(LogEvents.Reloaded, LogLevel.Information, "configuration {File} reloaded")]
    private static partial void Reloaded(ILogger logger, string file);

    [LoggerMessage(LogEvents.ReloadRefused, LogLevel.Error, "reload refused, the agent goes on as it was: {Error}")]
    private static partial void Refused(ILogger logger, string error);

    [LoggerMessage(LogEvents.ReloadFailed, LogLevel.Error, "the reload failed, the agent goes on as it was")]
    private static partial void Failed(ILogger logger, Exception exception);

    [LoggerMessage(LogEvents.RestartNeeded, LogLevel.Warning,
        "section '{Section}' changed: it takes a restart to apply")]
    private static partial void RestartNeeded(ILogger logger, string section);
}
