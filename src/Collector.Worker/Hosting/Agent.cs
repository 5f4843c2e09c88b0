using Collector.Worker.Collection;
using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;
using Collector.Worker.Telemetry;

namespace Collector.Worker.Hosting;

/// <summary>Puts the agent together: collection, outlets, systemd.</summary>
internal sealed class Agent : IAsyncDisposable
{
    private readonly WebApplication _host;

    private Agent(WebApplication host) => _host = host;

    public static Agent Build(AgentOptions options, OtlpSettings otlp, string? configPath)
    {
        // The empty builder reads no settings files and adds no logging or server of its own.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "netlens" });
        builder.Logging.AddLines(options.Logging.Level);
        var services = builder.Services;
        services.AddHostingDefaults();
        services.AddSystemd(provider => () => provider.GetRequiredService<CollectionLoop>().Healthy);
        services.AddSingleton(options);
        services.AddSingleton(otlp);
        services.AddSingleton(TimeProvider.System);

        var resource = ResourceAttributes.Build(
            otlp, options.Resource, HostFacts.Read(), VersionCommand.Version, Environment.GetEnvironmentVariable);
        // Added first so that it stops last and the end of everything else is still exported.
        builder.AddNetlensTelemetry(otlp, resource);
        AddCollection(services, options);
        AddOtlp(services, otlp, resource);
        services.AddSingleton(new ReloadSource(configPath));
        services.AddHostedService<Reloader>();
        services.AddHostedService<StatusReporter>();
        builder.AddNetlensHttp(options, Session.NodeName(options));

        var host = builder.Build();
        host.MapNetlens();
        AddSelf(host, otlp);
        return new Agent(host);
    }

    /// <summary>Runs until a signal or a fault.</summary>
    /// <returns>An exit code.</returns>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        await _host.RunAsync(cancel);
        return _host.Services.GetRequiredService<CollectionLoop>().Fault is null ? ExitCodes.Ok : ExitCodes.Failure;
    }

    private static void AddCollection(IServiceCollection services, AgentOptions options)
    {
        services.AddSingleton(provider => new NodeCollector(
            NodeFactory.Create(options.Paths), options, TimeProvider.System,
            provider.GetRequiredService<ILogger<NodeCollector>>()));
        services.AddSingleton(provider => provider.GetRequiredService<NodeCollector>().Store);
        services.AddSingleton<CollectionLoop>();
        services.AddHostedService(provider => provider.GetRequiredService<CollectionLoop>());
    }

    private static void AddOtlp(IServiceCollection services, OtlpSettings otlp, ResourceAttributes resource)
    {
        services.AddSingleton(new OtlpStatistics());
        if (!otlp.Metrics.Enabled)
            return;
        services.AddHostedService(provider => new OtlpMetricExporter(
            provider.GetRequiredService<NodeCollector>().Store, otlp, resource, VersionCommand.Version,
            provider.GetRequiredService<OtlpStatistics>(), TimeProvider.System,
            provider.GetRequiredService<ILogger<OtlpMetricExporter>>()));
    }

    // The figures about the agent need everything else to exist.
    private static void AddSelf(WebApplication host, OtlpSettings otlp)
    {
        var services = host.Services;
        var collector = services.GetRequiredService<NodeCollector>();
        var loop = services.GetRequiredService<CollectionLoop>();
        SelfFigure[] figures =
        [
            .. SelfFigures.OfCollection(collector, () => loop.Missed),
            .. SelfFigures.OfProcess(),
            
            .. otlp.Metrics.Enabled ? SelfFigures.OfOtlp(services.GetRequiredService<OtlpStatistics>()) : [],
        ];
        var probe = new SelfProbe(collector, figures, SelfFigures.StartOfProcess);
        var log = services.GetRequiredService<ILogger<NodeCollector>>();
        collector.Self = new ProbeRunner(probe.Info, new(probe.Info), () => probe, log);
        if (otlp.Metrics.Enabled)
            host.Lifetime.ApplicationStopped.Register(new SelfMeter(
                TelemetryExtensions.MeterName, VersionCommand.Version, collector.Store, probe.Info.Tables).Dispose);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();
}
