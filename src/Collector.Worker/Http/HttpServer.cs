using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Builder;

namespace Collector.Worker.Http;

/// <summary>A listener and what it serves: a host of its own that comes and goes while the agent runs.</summary>
internal sealed class HttpServer : IDisposable
{
    /// <summary>For requests under way, while the agent goes on without this server.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly NetlensHttp _http;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly Listeners _listeners;
    private WebApplication? _app;

    /// <exception cref="FormatException">The options name no address.</exception>
    /// <exception cref="HttpFileException">A file of the options is no use.</exception>
    public HttpServer(HttpOptions options, NetlensHttp http, ILoggerFactory logs)
        : this(new Listeners(options, http, logs.CreateLogger<HttpServer>()), http, logs)
    {
    }

    private HttpServer(Listeners listeners, NetlensHttp http, ILoggerFactory logs) =>
        (_listeners, _http, _logs, _log) = (listeners, http, logs, logs.CreateLogger<HttpServer>());

    /// <summary>What it was made of.</summary>
    public HttpOptions Options => _listeners.Options;

    /// <summary>One like it, to go back to.</summary>
    public HttpServer Again() => new(_listeners.Again(), _http, _logs);

    /// <summary>Before it starts: what the server before it has that this one wants too stays open.</summary>
    public void TakeOver(HttpServer before) => _listeners.TakeOver(before._listeners);

    /// <summary>True where one of them has to go before the other can listen.</summary>
    public bool Excludes(HttpServer other) => _listeners.Exclude(other._listeners);

    /// <exception cref="HttpListenException">The address, or a socket that was asked for, cannot be had.</exception>
    public async Task StartAsync()
    {
        _listeners.OpenLocal(_log);
        var builder = BareServer.NewBuilder();
        builder.Services.AddSingleton(_logs);
        builder.ConfigureKestrel(_listeners);
        builder.Services.AddRoutingCore();
        _app = builder.Build();
        _app.MapNetlens(_listeners, _http);
        await _app.StartNetlensAsync(_listeners, CancellationToken.None);
        _http.Guards.Current = _listeners.Security;
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        try
        {
            if (_app is not null)
                await _app.StopAsync(cancellation);
        }
        finally
        {
            _listeners.Dispose();
        }
    }

    /// <summary>Listens no more, lets requests under way end, and is gone.</summary>
    public async Task RetireAsync()
    {
        if (_http.Guards.Current == _listeners.Security)
            _http.Guards.Current = null;
        using (var limit = new CancellationTokenSource(Grace))
            await StopAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_app is not null)
            await _app.DisposeAsync();
    }

    public void Dispose()
    {
        ((IDisposable?)_app)?.Dispose();
        _listeners.Dispose();
    }
}
