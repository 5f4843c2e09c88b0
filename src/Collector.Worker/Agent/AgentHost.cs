using Collector.Core.Compatibility;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Findings;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Systemd;
using Collector.Worker.Hosting.Windows;
using Collector.Worker.Http;
using Collector.Worker.Http.Api;
using Collector.Worker.Inspector;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;
using Collector.Worker.Telemetry;

namespace Collector.Worker.Agent;

/// <summary>Puts the agent together: collection, outlets, service manager.</summary>
internal sealed class AgentHost : IDisposable
{
    /// <summary>Pages sent at once: each holds up to half a megabyte of the kernel's memory.</summary>
    private const int MostScrapes = 32;

    private readonly IHost _host;
    private readonly SelfMeter _meter;

    private AgentHost(IHost host, SelfMeter meter)
    {
        _host = host;
        _meter = meter;
    }

    /// <summary>What its loop runs; before <see cref="RunAsync"/> anybody may.</summary>
    public NodeCollector Collector => _host.Services.GetRequiredService<NodeCollector>();

    /// <param name="configuration">What is in force at first.</param>
    /// <param name="file">The file that it is from, which a reload reads again.</param>
    public static AgentHost Build(AgentConfiguration configuration, ConfigurationFileState file)
    {
        // The empty builder reads no settings files and adds no logging of its own.
        var builder = Host.CreateEmptyApplicationBuilder(null);
        AddServices(builder, configuration, file);
        var host = builder.Build();
        // First of all: the lines of whatever else is made leave as well.
        var telemetry = host.Services.GetRequiredService<SelfTelemetry>();
        var meter = AddSelf(host.Services);
        telemetry.Hold = meter.Hold;
        return new AgentHost(host, meter);
    }

    /// <summary>Runs until a signal or a fault.</summary>
    /// <returns>An exit code.</returns>
    /// <exception cref="HttpListenException">The address cannot be had.</exception>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        try
        {
            // Whole even when it is to stop at once: services that are cancelled while they start count as faults.
            await _host.StartAsync(CancellationToken.None);
            await _host.WaitForShutdownAsync(stop);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or AggregateException)
        {
            // Out of time while it stopped (a throttled processor): that is orderly.
            await StopRestAsync();
        }
        if (Signals.StoppedBy is { } signal)
            AgentLog.Stopped(_host.Services.GetRequiredService<ILogger<AgentHost>>(), signal);
        return _host.Services.GetRequiredService<CollectionLoop>().Fault is null ? ExitCodes.Ok : ExitCodes.Failure;
    }

    private async Task StopRestAsync()
    {
        try
        {
            await _host.StopAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or AggregateException)
        {
            // What has not stopped ends with the process.
        }
    }

    private static void AddServices(
        HostApplicationBuilder builder, AgentConfiguration configuration, ConfigurationFileState file)
    {
        var options = configuration.Options;
        builder.Logging.AddLines(new LogLevelSwitch(options.Logging.Level));
        // What keeps the host from starting is one line of ours; the host's own has the stack trace.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        var services = builder.Services;
        services.AddHostingDefaults();
        services.AddSystemdNotify(provider => () => provider.GetRequiredService<CollectionLoop>().Healthy);
        services.AddWindowsServiceLifetime();
        services.AddSingleton(options);
        services.AddSingleton(new RunningConfiguration(configuration));
        services.AddSingleton(new PrometheusStatistics());
        AddOtlp(builder, configuration);
        var outlets = new OutletSettings(
            options, configuration.Otlp, configuration.Resource, AgentIdentity.Version, new EventRing());
        services.AddHostedService(provider => new EventPlaces(
            AllOutlets.Goes(outlets), provider.GetRequiredService<ILogger<EventHub>>()));
        services.AddEvents(outlets);
        services.AddSingleton(provider => new InspectorServer(
            options.Events.Inspector, outlets.Ring,
            () => NodeName.Of(provider.GetRequiredService<RunningConfiguration>().Options),
            provider.GetRequiredService<ILogger<InspectorServer>>()));
        services.AddHostedService(provider => provider.GetRequiredService<InspectorServer>());
        AddCollection(services, options);
        AddRecorder(services, options);
        services.AddReload(file);
        services.AddHostedService<StatusReporter>();
        AddHttp(services, options);
    }

    // After the other services: whoever is answered finds all of them started.
    private static void AddHttp(IServiceCollection services, AgentOptions options)
    {
        services.AddSingleton(
            new ConnectionGuard(OpenFiles.ForConnections(OpenFiles.Limit ?? long.MaxValue), MostScrapes));
        services.AddSingleton<AgentStatus>();
        services.AddSingleton(new HttpStatistics());
        services.AddSingleton(provider =>
        {
            var collector = provider.GetRequiredService<NodeCollector>();
            var loop = provider.GetRequiredService<CollectionLoop>();
            var running = provider.GetRequiredService<RunningConfiguration>();
            var status = provider.GetRequiredService<AgentStatus>();
            var ledger = new KeptLedger(provider.GetRequiredService<History>());
            var tables = collector.Node.Catalogue.SelectMany(p => p.AllTables).Concat(collector.Self!.Info.Tables);
            var api = provider.GetRequiredService<ApiEndpoints>();
            var http = new NetlensHttp
            {
                MapMore = api.Map,
                Store = collector.Store,
                Writer = new PrometheusWriter(NodeName.Of(options), tables),
                Options = () => running.Options,
                Version = AgentIdentity.Version,
                Fault = () => collector.Node.EventFault,
                Alive = () => loop.Healthy,
                Connections = provider.GetRequiredService<ConnectionGuard>(),
                Ring = provider.GetRequiredService<EventRing>(),
                Records = provider.GetRequiredService<RecordKeeper>(),
                EventKinds = [.. NodeFactory.Catalogue.SelectMany(p => p.Events)],
                Statistics = provider.GetRequiredService<PrometheusStatistics>(),
                WriteStatus = status.Write,
                WriteConfiguration = status.WriteConfiguration,
                WriteFindings = (json, query) => FindingJson.Write(
                    json, collector.Node.Findings?.Store.All ?? [], NodeName.Of(running.Options),
                    ledger: its => ledger.Write(its, query)),
                Guards = provider.GetRequiredService<HttpStatistics>(),
            };
            collector.Store.AddReader(http.LongestPause);
            return http;
        });
        services.AddSingleton<LiveView>();
        services.AddSingleton(provider =>
        {
            var view = provider.GetRequiredService<LiveView>();
            return new ApiEndpoints(
                new() { Open = view.Open, Round = () => view.Round, Catalogue = NodeFactory.Catalogue },
                provider.GetRequiredService<NetlensHttp>);
        });
        services.AddSingleton<HttpService>();
        services.AddHostedService(provider => provider.GetRequiredService<HttpService>());
    }

    private static void AddCollection(IServiceCollection services, AgentOptions options)
    {
        services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<NodeCollector>>();
            BpfHost.Log = text => Collection.Log.Ebpf(log, text);
            var node = NodeFactory.Create(
                options.Paths, options.Ebpf, options.Pods, options.Limits, provider.GetRequiredService<IEventSink>(),
                options.Collection.Source, options.Findings);
            node.StartPods((warning, text) => Collection.Log.Pods(log, warning, text));
            var collector = new NodeCollector(node, options, TimeProvider.System, log)
            {
                History = provider.GetRequiredService<History>(),
            };
            var hub = provider.GetRequiredService<EventHub>();
            hub.Exemplars = collector.Store.Exemplars;
            hub.Findings = node.Findings?.Inbox;
            return collector;
        });
        services.AddSingleton(provider => provider.GetRequiredService<NodeCollector>().Store);
        services.AddSingleton<CollectionLoop>();
        services.AddHostedService(provider => provider.GetRequiredService<CollectionLoop>());
    }

    private static void AddRecorder(IServiceCollection services, AgentOptions options)
    {
        services.AddSingleton(new History(options.Recorder));
        services.AddSingleton<RecordHeader>();
        services.AddSingleton(provider => new RecordKeeper(
            provider.GetRequiredService<History>(), provider.GetRequiredService<EventRing>(),
            provider.GetRequiredService<RecordHeader>().Write, TimeProvider.System,
            provider.GetRequiredService<ILogger<RecordKeeper>>()));
        services.AddHostedService(provider => provider.GetRequiredService<RecordKeeper>());
    }

    // Before the other services, so that it stops last and the end of everything else is still exported.
    private static void AddOtlp(HostApplicationBuilder builder, AgentConfiguration configuration)
    {
        builder.Services.AddSingleton(new OtlpStatistics());
        builder.AddNetlensTelemetry(configuration.Otlp, configuration.Resource);
        builder.Services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<OtlpMetricExporter>>();
            CertificateRenewal.Log = log;
            return new OtlpMetricExporter(
                provider.GetRequiredService<NodeCollector>().Store, configuration.Otlp, configuration.Resource,
                AgentIdentity.Version, provider.GetRequiredService<OtlpStatistics>(), TimeProvider.System, log);
        });
        builder.Services.AddHostedService(provider => provider.GetRequiredService<OtlpMetricExporter>());
    }

    // The figures about the agent need everything else to exist.
    private static SelfMeter AddSelf(IServiceProvider services)
    {
        var collector = services.GetRequiredService<NodeCollector>();
        var loop = services.GetRequiredService<CollectionLoop>();
        if (collector.Node.Findings is { } engine)
            KeepWhatIsGrave(engine, services.GetRequiredService<RecordKeeper>());
        var running = services.GetRequiredService<RunningConfiguration>();
        SelfFigure[] figures =
        [
            .. SelfFigures.OfCollection(collector, () => loop.Missed),
            .. collector.Node.Findings is { } findings ? SelfFigures.OfFindings(findings) : [],
            .. SelfFigures.OfProcess(),
            .. services.GetRequiredService<ReloadStatus>().Figures(),
            .. SelfFigures.OfEvents(services.GetRequiredService<EventHub>()),
            .. SelfFigures.OfStream(services.GetRequiredService<EventRing>().Readers),
            .. SelfFigures.OfRecorder(
                services.GetRequiredService<History>(), services.GetRequiredService<RecordKeeper>()),
            .. SelfFigures.OfPrometheus(services.GetRequiredService<PrometheusStatistics>()),
            .. SelfFigures.OfHttp(
                services.GetRequiredService<ConnectionGuard>(), services.GetRequiredService<HttpStatistics>()),
            .. SelfFigures.OfApi(services.GetRequiredService<ApiEndpoints>()),
            SelfFigures.OfCertificates(),
            .. SelfFigures.OfOtlp(
                services.GetRequiredService<OtlpStatistics>(), () => running.Current.Otlp.Metrics.Enabled),
        ];
        var probe = new SelfProbe(collector, figures, ProcessStart.Time);
        var log = services.GetRequiredService<ILogger<NodeCollector>>();
        collector.Self = new ProbeRunner(probe.Info, new(probe.Info), _ => probe, log);
        return new SelfMeter(
            TelemetryExtensions.MeterName, AgentIdentity.Version, collector.Store, probe.Info.Tables);
    }

    // What led to it is kept beyond the hour.
    private static void KeepWhatIsGrave(FindingEngine engine, RecordKeeper keeper)
    {
        var told = engine.OnChange;
        engine.OnChange = (finding, change) =>
        {
            told(finding, change);
            if (change != FindingChange.Ended && finding.Severity == EventSeverity.Error)
                keeper.KeepFound($"finding {finding.Info.Kind}");
        };
    }

    public void Dispose()
    {
        _host.Dispose();
        _meter.Dispose();
    }
}
