using System.Text;
using System.Text.Encodings.Web;
using Collector.Worker.Http.Page;

namespace Collector.Worker.Http;

/// <summary>
/// /: the page of the node, which asks /api/v1, and within it for browsers without script a list of what there is.
/// Only the list where the build had no npm. Nothing is loaded from elsewhere.
/// </summary>
/// <param name="http">What it tells of.</param>
/// <param name="guarded">A token is asked for: anybody may have the page, it tells nothing of the node.</param>
internal sealed class LandingPage(NetlensHttp http, bool guarded)
{
    private const string Rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private const string ListMark = "{plain}";

    private readonly string? _document = ReadDocument();

    public async Task InvokeAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var body = Encoding.UTF8.GetBytes(_document?.Replace(ListMark, List(), StringComparison.Ordinal) ?? Plain());
        // Asked for each time, so that an upgrade is seen; it names files that are kept.
        response.Headers.CacheControl = "no-cache";
        response.Headers.ContentSecurityPolicy = (_document is null ? "default-src 'none'; " : "default-src 'self'; ")
            + Rest;
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (EntityTag.Suffices(context, EntityTag.Of(body)))
            return;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static string? ReadDocument()
    {
        if (PageFile.Document is not { } file)
            return null;
        using var reader = new StreamReader(file.Open());
        return reader.ReadToEnd();
    }

    private string Plain() => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><title>Netlens</title></head>
        <body>
        {List()}
        </body>
        </html>

        """;

    // Links are relative: a proxy may have put all of this below a path.
    private string List()
    {
        var encode = HtmlEncoder.Default;
        var version = guarded ? "" : encode.Encode($"Version {http.Version}. ");
        var naming = guarded ? ""
            : encode.Encode($" in {http.Options().Prometheus.Naming.ToString().ToLowerInvariant()} naming");
        return $"""
            <h1>Netlens</h1>
            <p>{version}Kernel network counters of every network namespace on this node.</p>
            <ul>
            <li><a href="metrics">/metrics</a>{naming}; also
            <a href="metrics?naming=otel">otel</a>,
            <a href="metrics?naming=kubeskoop">kubeskoop</a>,
            <a href="metrics?naming=inspector">inspector</a></li>
            <li><a href="findings">/findings</a>: what is wrong on this node, or was in the last hour</li>
            <li><a href="record">/record</a>: what the agent has in memory of the last hour, as a file</li>
            <li><a href="events?since=0&amp;follow=false">/events</a>: the newest events; without parameters those to
            come</li>
            <li><a href="healthz">/healthz</a>: collections come round</li>
            <li><a href="readyz">/readyz</a>: its numbers are fresh</li>
            <li><a href="status">/status</a>: how it is; <a href="config">/config</a>: what is in force</li>
            </ul>
            """;
    }
}
