using System.Runtime.InteropServices;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting.Systemd;
using Collector.Worker.Logging;

namespace Collector.Worker.Agent;

/// <summary>The file that a reload reads: the one that the start read.</summary>
internal sealed record ReloadSource(string? Path);

/// <summary>
/// SIGHUP (<c>systemctl reload</c>): reads the configuration again. A wrong file is refused whole with all its errors
/// and the agent goes on as it was. Probes are switched without a restart; other sections say that they need one.
/// </summary>
internal sealed partial class Reloader(
    ReloadSource source, AgentOptions started, NodeCollector collector, ISystemdNotifier notifier,
    ILogger<Reloader> log)
    : IHostedService, IDisposable
{
    private PosixSignalRegistration? _signal;
    private AgentOptions _current = started;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
        {
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                Reload();
            });
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _signal?.Dispose();
        _signal = null;
        return Task.CompletedTask;
    }

    private void Reload()
    {
        notifier.Notify(ServiceState.Reloading());
        var (file, named) = ConfigurationLoader.FileOf(source.Path);
        var result = ConfigurationLoader.Load(file, named, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
        if (result.Options is { } options)
            Apply(options, file);
        foreach (var error in result.Errors)
            Refused(log, error.ToString());
        notifier.Notify(ServiceState.Ready);
    }

    private void Apply(AgentOptions options, string file)
    {
        collector.Reconfigure(options);
        foreach (var section in NeedRestart(_current, options))
            RestartNeeded(log, section);
        _current = options;
        Reloaded(log, File.Exists(file) ? file : $"(there is no {file}: defaults and environment)");
    }

    /// <summary>Sections that differ and that only a restart takes over.</summary>
    internal static IEnumerable<string> NeedRestart(AgentOptions before, AgentOptions after)
    {
        if (before.Collection != after.Collection)
            yield return "collection";
        if (before.Ebpf != after.Ebpf)
            yield return "ebpf";
        if (before.Pods with { Labels = after.Pods.Labels } != after.Pods
            || !before.Pods.Labels.SequenceEqual(after.Pods.Labels))
            yield return "pods";
        if (before.Events != after.Events)
            yield return "events";
        if (before.Http != after.Http)
            yield return "http";
        if (before.Prometheus != after.Prometheus)
            yield return "prometheus";
        if (before.Logging != after.Logging)
            yield return "logging";
        if (before.Paths != after.Paths)
            yield return "paths";
        if (before.Resource.NodeName != after.Resource.NodeName
            || !Same(before.Resource.Attributes, after.Resource.Attributes))
            yield return "resource";
        if (before.Otlp with { Headers = after.Otlp.Headers } != after.Otlp
            || !Same(before.Otlp.Headers, after.Otlp.Headers))
            yield return "otlp";
    }

    private static bool Same(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Count == b.Count && a.All(p => b.TryGetValue(p.Key, out var value) && value == p.Value);

    public void Dispose() => _signal?.Dispose();

    [LoggerMessage(LogEvents.Reloaded, LogLevel.Information, "configuration {File} reloaded")]
    private static partial void Reloaded(ILogger logger, string file);

    [LoggerMessage(LogEvents.ReloadRefused, LogLevel.Error, "reload refused, the agent goes on as it was: {Error}")]
    private static partial void Refused(ILogger logger, string error);

    [LoggerMessage(LogEvents.RestartNeeded, LogLevel.Warning,
        "section '{Section}' changed: it takes a restart to apply")]
    private static partial void RestartNeeded(ILogger logger, string section);
}
