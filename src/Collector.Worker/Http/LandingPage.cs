using System.Text;
using System.Text.Encodings.Web;

namespace Collector.Worker.Http;

/// <summary>/: what this is and where to go. No script, no style, nothing loaded from elsewhere.</summary>
internal sealed class LandingPage(NetlensHttp http)
{
    private const string Policy =
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public async Task InvokeAsync(HttpContext context)
    {
        var body = Encoding.UTF8.GetBytes(Render());
        var response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = body.Length;
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    private string Render()
    {
        var version = HtmlEncoder.Default.Encode(http.Version);
        var naming = HtmlEncoder.Default.Encode(http.Options().Prometheus.Naming.ToString().ToLowerInvariant());
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>Netlens</title></head>
            <body>
            <h1>Netlens</h1>
            <p>Version {version}. Kernel network counters of every network namespace on this node.</p>
            <ul>
            <li><a href="/metrics">/metrics</a> in {naming} naming; also
            <a href="/metrics?naming=otel">otel</a>,
            <a href="/metrics?naming=kubeskoop">kubeskoop</a>,
            <a href="/metrics?naming=inspector">inspector</a></li>
            <li><a href="/record">/record</a>: what the agent has in memory of the last hour, as a file</li>
            <li><a href="/events?since=0&amp;follow=false">/events</a>: the newest events; without parameters those to
            come</li>
            <li><a href="/healthz">/healthz</a>: collections come round</li>
            <li><a href="/readyz">/readyz</a>: its numbers are fresh</li>
            <li><a href="/status">/status</a>: how it is; <a href="/config">/config</a>: what is in force</li>
            </ul>
            </body>
            </html>

            """;
    }
}
