using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Builder;

namespace Collector.Worker.Http;

/// <summary>A listener and what it serves: a host of its own that comes and goes while the agent runs.</summary>
internal sealed class HttpServer : IDisposable
{
    /// <summary>For requests under way, while the agent goes on without this server.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly WebApplication _app;
    private readonly ListenAddress _address;

    /// <exception cref="FormatException">The options name no address.</exception>
    public HttpServer(HttpOptions options, NetlensHttp http, ILoggerFactory logs)
    {
        Options = options;
        _address = ListenAddress.Parse(options.Listen);
        // The empty builder reads no settings files and adds no logging or server of its own.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "netlens" });
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore();
        builder.ConfigureKestrel(_address, http.Connections);
        builder.Services.AddRoutingCore();
        _app = builder.Build();
        _app.MapNetlens(_address, http);
    }

    /// <summary>What it was made of.</summary>
    public HttpOptions Options { get; }

    /// <summary>True where one of them has to go before the other can listen.</summary>
    public bool Excludes(HttpServer other) => _address.SocketPath is { } path
        ? path == other._address.SocketPath
        : other._address.SocketPath is null && _address.Port != 0 && _address.Port == other._address.Port;

    /// <exception cref="HttpListenException">The address cannot be had.</exception>
    public Task StartAsync() => _app.StartNetlensAsync(_address, CancellationToken.None);

    public Task StopAsync(CancellationToken cancellation) => _app.StopAsync(cancellation);

    /// <summary>Listens no more, lets requests under way end, and is gone.</summary>
    public async Task RetireAsync()
    {
        using (var limit = new CancellationTokenSource(Grace))
            await _app.StopAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }

    public void Dispose() => ((IDisposable)_app).Dispose();

    /// <summary>Signals and the service manager are matters of the agent's host.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
