using Collector.Linux.Interop;
using Collector.Worker.Collection;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Systemd;
using Collector.Worker.Logging;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Agent;

/// <summary>
/// Reads the configuration again when its file changes, and on SIGHUP (<c>systemctl reload</c>). A wrong file is
/// refused whole with all its errors and the agent goes on as it was; of a right one what differs is taken over.
/// </summary>
/// <param name="start">The file as the agent began with it.</param>
internal sealed partial class Reloader(
    ConfigurationFileState start, ConfigurationApplier applier, ReloadStatus status, ISystemdNotifier notifier,
    NodeCollector collector, IHostApplicationLifetime lifetime, ILogger<Reloader> log)
    : BackgroundService
{
    /// <summary>Time between two: a storm of signals is answered with a few.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);

    private readonly ConfigurationWatch _watch = new(start.File) { Seen = start.Mark };
    private bool _existed = start.Exists;

    public override void Dispose()
    {
        base.Dispose();
        _watch.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // What is to be changed must have begun.
            await Task.Delay(Timeout.Infinite, lifetime.ApplicationStarted).WaitAsync(stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ReloadForeverAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task ReloadForeverAsync(CancellationToken stop)
    {
        var (hangup, change) = (Signals.HangupAsync(stop), Changed(stop));
        while (true)
        {
            await await Task.WhenAny(hangup, change);
            await TryReloadAsync();
            await Task.Delay(Rest, stop);
            if (hangup.IsCompleted)
                hangup = Signals.HangupAsync(stop);
            if (change.IsCompleted)
                change = Changed(stop);
        }
    }

    // A pipe is read once.
    private Task Changed(CancellationToken stop) =>
        SpecialFile.IsPipe(start.File) ? Task.Delay(Timeout.Infinite, stop) : _watch.ChangedAsync(stop);

    private async Task TryReloadAsync()
    {
        notifier.Notify(ServiceState.Reloading());
        try
        {
            await ReloadAsync();
        }
        catch (Exception e)
        {
            Failed(log, e);
            status.Note(ReloadResult.Refused, [], [e.Message]);
        }
        finally
        {
            notifier.Notify(ServiceState.Ready);
        }
    }

    private async Task ReloadAsync()
    {
        // A file that was there and is not is no wish for the defaults.
        var read = ConfigurationFileState.Load(start.File, _existed);
        _watch.Seen = read.Mark;
        var errors = new List<string>();
        if (AgentConfiguration.Check(read.Result, errors) is { } wanted)
        {
            _existed |= read.Exists;
            await ApplyAsync(wanted, read);
            return;
        }
        foreach (var error in errors)
            Refused(log, error);
        status.Note(ReloadResult.Refused, [], errors);
    }

    private async Task ApplyAsync(AgentConfiguration wanted, ConfigurationFileState read)
    {
        var applied = await applier.ApplyAsync(wanted);
        collector.Revive();
        foreach (var warning in wanted.Otlp.Warnings)
            Warned(log, warning);
        foreach (var error in applied.Errors)
            Kept(log, error);
        status.Note(
            applied.Errors.Count == 0 ? ReloadResult.Applied : ReloadResult.Partial, applied.Changed, applied.Errors);
        Reloaded(log, read.Exists ? read.File : $"(there is no {read.File}: defaults and environment)",
            applied.Changed.Count == 0 ? "nothing changed" : string.Join(", ", applied.Changed) + " changed");
    }

    [LoggerMessage(LogEvents.Reloaded, LogLevel.Information, "configuration {File} reloaded: {Changes}")]
    private static partial void Reloaded(ILogger logger, string file, string changes);

    [LoggerMessage(LogEvents.ReloadRefused, LogLevel.Error, "reload refused, the agent goes on as it was: {Error}")]
    private static partial void Refused(ILogger logger, string error);

    [LoggerMessage(LogEvents.ReloadFailed, LogLevel.Error, "the reload failed, the agent goes on as it was")]
    private static partial void Failed(ILogger logger, Exception exception);

    [LoggerMessage(LogEvents.RestartNeeded, LogLevel.Error, "reload: {Error}")]
    private static partial void Kept(ILogger logger, string error);

    [LoggerMessage(LogEvents.ReloadRemark, LogLevel.Warning, "reload: {Warning}")]
    private static partial void Warned(ILogger logger, string warning);
}
