using Collector.Worker.Findings;

namespace Collector.Worker.Http;

/// <summary>/findings: the causes that were found, and what became of the packets of whom the query names.</summary>
internal sealed class FindingsEndpoint(NetlensHttp http)
{
    public Task InvokeAsync(HttpContext context) =>
        LedgerQuery.TryParse(context.Request.Query, out var query, out var problem)
            ? new JsonPage(json => http.WriteFindings(json, query)).InvokeAsync(context)
            : PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, $"{problem}\n");
}
