using Collector.Worker.Configuration;

namespace Collector.Worker.Http;

/// <summary>The HTTP server of the agent: there or not, and where, as the options say.</summary>
internal sealed class HttpService(AgentOptions options, NetlensHttp http, ILoggerFactory logs)
    : IHostedService, IDisposable
{
    private readonly SemaphoreSlim _changing = new(1);
    private HttpServer? _server;

    /// <exception cref="HttpListenException">The address cannot be had.</exception>
    public Task StartAsync(CancellationToken cancellationToken) => ReconfigureAsync(options);

    /// <summary>
    /// Makes the server what the options say. The new one listens before the old one goes, unless both want the same
    /// port; a Unix socket goes from one to the other. What did not change is left alone.
    /// </summary>
    /// <exception cref="HttpListenException">The new address cannot be had: the old server goes on.</exception>
    public async Task ReconfigureAsync(AgentOptions options)
    {
        await _changing.WaitAsync();
        try
        {
            var wanted = options.Http;
            if (!wanted.Enabled)
                await ReplaceAsync(null);
            else if (_server?.Options != wanted)
                await ReplaceAsync(new HttpServer(wanted, http, logs));
        }
        finally
        {
            _changing.Release();
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            if (_server is not null)
                await _server.StopAsync(cancellationToken);
        }
        finally
        {
            _changing.Release();
        }
    }

    public void Dispose()
    {
        _server?.Dispose();
        _changing.Dispose();
    }

    private async Task ReplaceAsync(HttpServer? next)
    {
        var old = _server;
        if (old is null || next is null || !next.Excludes(old))
        {
            if (old is not null)
                next?.TakeOver(old);
            await StartAsync(next, null);
            if (old is not null)
                await old.RetireAsync();
            return;
        }
        _server = null;
        next.TakeOver(old);
        var again = old.Again();
        await old.RetireAsync();
        await StartAsync(next, again);
        again.Dispose();
    }

    /// <param name="next">The server to start; null for none.</param>
    /// <param name="fallback">What to go back to where it cannot listen.</param>
    private async Task StartAsync(HttpServer? next, HttpServer? fallback)
    {
        try
        {
            if (next is not null)
                await next.StartAsync();
            _server = next;
        }
        catch (Exception)
        {
            next!.Dispose();
            if (fallback is not null)
                await StartAsync(fallback, null);
            throw;
        }
    }
}
