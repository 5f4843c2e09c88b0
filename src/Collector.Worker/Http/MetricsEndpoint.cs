using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Microsoft.Net.Http.Headers;

namespace Collector.Worker.Http;

/// <summary>/metrics: the newest snapshot as a page.</summary>
internal sealed class MetricsEndpoint(NetlensHttp http) : IDisposable
{
    private readonly SharedPages _pages = new(http.Store, () => http.Writer, http.Statistics);

    public async Task InvokeAsync(HttpContext context)
    {
        if (!TryReadKind(context.Request, out var kind, out var error))
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, error);
            return;
        }
        var reader = ClientConnection.Of(context) ?? new ClientConnection(context.Abort);
        try
        {
            await Scrape(context, kind, reader);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone, too slow, or in the way of others. Half a page must not look like a whole one.
            if (reader.IsCut)
                http.Statistics.CountRejected();
            else
                http.Statistics.CountAborted();
            context.Abort();
        }
    }

    public void Dispose() => _pages.Dispose();

    private async Task Scrape(HttpContext context, PrometheusPageKind kind, ClientConnection reader)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(http.WriteTimeout);
        var gzip = ContentNegotiation.Gzip(context.Request.Headers.AcceptEncoding);
        if (await _pages.EnterAsync(kind, gzip, reader, reader.Cut, deadline.Token) is not { } page)
        {
            http.Statistics.CountUnready();
            await Unavailable(context, "no snapshot yet: the first collection is under way\n");
            return;
        }
        try
        {
            // Who waits for its page holds none, and is in nobody's way.
            http.Connections.BeginSending(reader);
            await Send(context, page, reader, deadline.Token);
        }
        finally
        {
            http.Connections.EndSending(reader);
            _pages.Leave(page, reader);
        }
    }

    private async Task Send(
        HttpContext context, SharedPage page, ClientConnection reader, CancellationToken cancellation)
    {
        var response = context.Response;
        response.ContentType = page.Form.Kind.ContentType;
        response.Headers.CacheControl = "no-store";
        response.Headers.Vary = "Accept, Accept-Encoding";
        if (page.Form.Packed)
            response.Headers.ContentEncoding = "gzip";
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        response.ContentLength = page.Bytes.Length;
        await page.Bytes.CopyToAsync(response.Body, Taken, cancellation);
        http.Statistics.Sent(page.Length);

        // The server takes what is written to a closed connection, and says nothing.
        void Taken()
        {
            if (reader.IsCut)
                throw new OperationCanceledException(cancellation);
            cancellation.ThrowIfCancellationRequested();
            reader.Touch();
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
