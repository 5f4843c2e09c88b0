using System.IO.Compression;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Microsoft.Net.Http.Headers;

namespace Collector.Worker.Http;

/// <summary>/metrics: the newest snapshot as a page.</summary>
internal sealed class MetricsEndpoint(NetlensHttp http) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(http.MaxScrapes);

    public async Task InvokeAsync(HttpContext context)
    {
        if (!TryReadKind(context.Request, out var kind, out var error))
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, error);
            return;
        }
        if (!_slots.Wait(0, CancellationToken.None))
        {
            http.Statistics.CountRejected();
            await Unavailable(context, $"{http.MaxScrapes} scrapes are under way, which is the limit\n");
            return;
        }
        try
        {
            await Scrape(context, kind);
        }
        finally
        {
            _slots.Release();
        }
    }

    public void Dispose() => _slots.Dispose();

    private async Task Scrape(HttpContext context, PrometheusPageKind kind)
    {
        using var page = new PooledPage();
        var head = HttpMethods.IsHead(context.Request.Method);
        if (!TryRender(kind, page, head))
        {
            http.Statistics.CountUnready();
            await Unavailable(context, "no snapshot yet: the first collection is under way\n");
            return;
        }
        var response = context.Response;
        var gzip = ContentNegotiation.Gzip(context.Request.Headers.AcceptEncoding);
        response.ContentType = kind.ContentType;
        response.Headers.CacheControl = "no-store";
        response.Headers.Vary = "Accept, Accept-Encoding";
        if (gzip)
            response.Headers.ContentEncoding = "gzip";
        if (!head)
            await Send(context, page, gzip);
    }

    /// <summary>
    /// Writes the page; the snapshot is let go before the first byte is sent. False without a snapshot.
    /// </summary>
    private bool TryRender(PrometheusPageKind kind, PooledPage page, bool head)
    {
        using var lease = http.Store.Acquire();
        if (lease.Snapshot is null)
            return false;
        if (!head)
            http.Statistics.Rendered(http.Writer.Write(lease.Snapshot, kind, page));
        return true;
    }

    private async Task Send(HttpContext context, PooledPage page, bool gzip)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(http.WriteTimeout);
        try
        {
            if (gzip)
            {
                await using var packed = new GZipStream(
                    context.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
                await page.CopyToAsync(packed, deadline.Token);
            }
            else
            {
                context.Response.ContentLength = page.Length;
                await page.CopyToAsync(context.Response.Body, deadline.Token);
            }
            http.Statistics.Sent(page.Length);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone or too slow. Half a page must not look like a whole one: cut the connection.
            http.Statistics.CountAborted();
            context.Abort();
        }
    }

    private static Task Unavailable(HttpContext context, string text)
    {
        context.Response.Headers.RetryAfter = "1";
        return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, text);
    }

    private bool TryReadKind(HttpRequest request, out PrometheusPageKind kind, out string error)
    {
        kind = default;
        error = "";
        var naming = http.Options().Prometheus.Naming;
        if (request.Query.TryGetValue("naming", out var name) && !TryParseNaming(name.ToString(), out naming))
        {
            error = "naming must be one of otel, kubeskoop, inspector\n";
            return false;
        }
        var created = false;
        if (request.Query.TryGetValue("created", out var flag) && !bool.TryParse(flag.ToString(), out created))
        {
            error = "created must be true or false\n";
            return false;
        }
        var format = ContentNegotiation.Format(request.Headers[HeaderNames.Accept]);
        kind = new PrometheusPageKind(naming, format, created).Writable();
        return true;
    }

    // Enum.TryParse would also take "0" and "otel,inspector".
    private static bool TryParseNaming(string text, out MetricNaming naming)
    {
        foreach (var value in Enum.GetValues<MetricNaming>())
        {
            if (text.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                naming = value;
                return true;
            }
        }
        naming = default;
        return false;
    }
}
