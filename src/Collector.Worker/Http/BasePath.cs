namespace Collector.Worker.Http;

/// <summary>
/// http.basePath: all that there is, below a path as well, for a proxy that hands it on. What asks the agent itself
/// (kubelets, scrapers, commands on the node) goes on without it.
/// </summary>
internal static class BasePath
{
    /// <summary>Takes the path off requests that have it, before they are routed.</summary>
    /// <param name="app">The application.</param>
    /// <param name="text">As configured; empty, or /: none.</param>
    public static void UseBasePath(this WebApplication app, string text)
    {
        var path = text.TrimEnd('/');
        if (path.Length > 0)
            app.Use(next => context => InvokeAsync(context, path, next));
    }

    private static Task InvokeAsync(HttpContext context, string path, RequestDelegate next)
    {
        var request = context.Request;
        if (!request.Path.StartsWithSegments(path, StringComparison.Ordinal, out var rest))
            return next(context);
        // The page's own addresses are relative to a folder. So is this one: another proxy may have taken off what was
        // before it.
        if (!rest.HasValue && (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)))
        {
            context.Response.Redirect($"{path[(path.LastIndexOf('/') + 1)..]}/");
            return Task.CompletedTask;
        }
        (request.PathBase, request.Path) = (path, rest.HasValue ? rest : "/");
        return next(context);
    }
}
