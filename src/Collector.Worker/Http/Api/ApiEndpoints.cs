using System.Globalization;
using Collector.Core.Probes;
using Collector.Worker.Recorder;
using Collector.Worker.View;

namespace Collector.Worker.Http.Api;

/// <summary>What the API answers from.</summary>
internal sealed record ApiSource
{
    /// <summary>What there is now; null before the first collection.</summary>
    public required Func<ViewSource?> Open { get; init; }

    /// <summary>Changes with each collection, once it is done.</summary>
    public required Func<long> Round { get; init; }

    /// <summary>Every probe there is.</summary>
    public required IReadOnlyList<ProbeInfo> Catalogue { get; init; }
}

/// <summary>/api/v1: a node as a page or a terminal shows it, as JSON. Read-only; docs/api.md.</summary>
internal sealed class ApiEndpoints(ApiSource source, Func<NetlensHttp> http) : IDisposable
{
    /// <summary>In front of all of them.</summary>
    public const string Root = "/api/v1";

    private const string OpenApiFile = "openapi.json";

    /// <summary>Shorter answers are sent as they are.</summary>
    private const int WorthPacking = 1024;

    /// <summary>It says how old its collection is, also where there is no other for long.</summary>
    private static readonly TimeSpan OverviewFresh = TimeSpan.FromSeconds(5);

    private static readonly string[] Methods = ["GET", "HEAD"];

    private readonly ApiPages _pages = new(source.Round);

    /// <summary>Those who take the stream: each keeps a connection.</summary>
    public EventReaders Streams { get; } = new();

    /// <summary>Answers that were made, ever.</summary>
    public long Made => _pages.Made;

    /// <summary>Maps all of it.</summary>
    public void Map(WebApplication app)
    {
        // Others must find a connection too, however few there may be.
        Streams.Most = Math.Min(32, Math.Max(1, http().Connections.Most / 4));
        var stream = new OverviewStream(this, source, http(), app.Lifetime.ApplicationStopping);
        app.MapMethods($"{Root}/overview", Methods, Overview);
        app.MapMethods($"{Root}/subjects/{{id}}", Methods, Subject);
        app.MapMethods($"{Root}/node", Methods, Node);
        app.MapMethods($"{Root}/listeners", Methods, Listeners);
        app.MapMethods($"{Root}/drops", Methods, Drops);
        app.MapMethods($"{Root}/series", Methods, Series);
        app.MapMethods($"{Root}/changes", Methods, Changes);
        app.MapMethods($"{Root}/metrics", Methods, Metrics);
        app.MapMethods($"{Root}/stream", Methods, stream.InvokeAsync);
        app.MapMethods($"{Root}/openapi.json", Methods, Description);
    }

    /// <summary>
    /// The overview, for whoever asks for it next, too; without a body before the first collection, null where too many
    /// others ask.
    /// </summary>
    public Task<ApiPage?> OverviewAsync(TimeSpan window, bool packed, CancellationToken cancellation) =>
        _pages.GetAsync($"overview {window}", () => Of(window, null, static v => ViewJson.Bytes(v.Overview())),
            packed, OverviewFresh, cancellation);

    public ApiQuery Query(HttpContext context) => new(context.Request.Query, http().Time.GetUtcNow());

    private Task Overview(HttpContext context)
    {
        var query = Query(context);
        var window = query.Window();
        return query.End()
            ? Send(context, packed => OverviewAsync(window, packed, context.RequestAborted), null)
            : Refuse(context, query);
    }

    private Task Subject(HttpContext context)
    {
        var query = Query(context);
        var (id, window) = ($"{context.Request.RouteValues["id"]}", query.Window());
        return !query.End() ? Refuse(context, query) : Answer(
            context, $"subject {id} {window}",
            () => Of(window, null, v => v.Subject(id) is { } its ? ViewJson.Bytes(its) : null), "no such subject");
    }

    private Task Node(HttpContext context) =>
        OfWindow(context, "node", static v => ViewJson.Bytes(v.Node()));

    private Task Listeners(HttpContext context) =>
        OfWindow(context, "listeners", static v => ViewJson.Bytes(v.Listeners()));

    private Task Drops(HttpContext context) =>
        OfWindow(context, "drops", static v => ViewJson.Bytes(v.Drops()));

    private Task OfWindow(HttpContext context, string name, Func<NodeView, byte[]?> make)
    {
        var query = Query(context);
        var window = query.Window();
        return query.End()
            ? Answer(context, $"{name} {window}", () => Of(window, null, make), null)
            : Refuse(context, query);
    }

    private Task Series(HttpContext context)
    {
        var query = Query(context);
        var wanted = new SeriesQuery
        {
            Metrics = query.Metrics(source.Catalogue), Subject = query.Subject(), Tags = query.Tags(),
            From = query.Time("from"), To = query.Time("to"), Points = query.Points(),
        };
        query.InOrder(wanted.From, wanted.To);
        if (!query.End())
            return Refuse(context, query);
        // Times that are told as how long ago are others at each request.
        return Answer(context, $"series {context.Request.QueryString}", () => Read(
            its => SeriesLines.Of(its, wanted) is { } view ? ViewJson.Bytes(view) : null),
            "no such subject");
    }

    private Task Changes(HttpContext context)
    {
        var query = Query(context);
        var (from, to, subject) = (query.Time("from"), query.Time("to"), query.Subject());
        var end = to ?? http().Time.GetUtcNow().ToUnixTimeMilliseconds() * 1_000_000;
        var window = from is { } begin ? TimeSpan.FromTicks((end - begin) / 100) : NodeView.UsualWindow;
        query.InOrder(from, to);
        if (window <= TimeSpan.Zero || window.TotalSeconds > ApiQuery.LongestWindow)
            query.Fail("from must be earlier than to, or than now, by an hour at most");
        return !query.End() ? Refuse(context, query) : Answer(
            context, $"changes {context.Request.QueryString}",
            () => Of(window, to, v => v.Compare(subject) is { } its ? ViewJson.Bytes(its) : null),
            "no such subject, or nothing is kept of that time");
    }

    private Task Metrics(HttpContext context)
    {
        var query = Query(context);
        return query.End()
            ? Answer(context, "metrics",
                () => ViewJson.Bytes(NodeView.Metrics(source.Catalogue)), null)
            : Refuse(context, query);
    }

    private Task Description(HttpContext context) => Answer(context, "openapi", OpenApi, null);

    private static byte[] OpenApi()
    {
        using var resource = typeof(ApiEndpoints).Assembly.GetManifestResourceStream(OpenApiFile)!;
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Null: there is none. Also before the first collection.</summary>
    private byte[]? Of(TimeSpan window, long? at, Func<NodeView, byte[]?> make) =>
        Read(its => NodeView.Of(its, window, at) is { } view ? make(view) : null);

    private byte[]? Read(Func<ViewSource, byte[]?> read)
    {
        if (source.Open() is not { } its)
            return null;
        using var recording = its.Recording;
        return read(its);
    }

    private Task Answer(HttpContext context, string key, Func<byte[]?> make, string? none) => Send(
        context, packed => _pages.GetAsync(key, make, packed, TimeSpan.MaxValue, context.RequestAborted), none);

    /// <param name="context">The request.</param>
    /// <param name="page">Gives the answer.</param>
    /// <param name="none">What is said where there is none; null: that nothing was collected yet.</param>
    private async Task Send(HttpContext context, Func<bool, Task<ApiPage?>> page, string? none)
    {
        try
        {
            await SendPage(context, page, none);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone, or too slow. Half an answer must not look like a whole one.
            context.Abort();
        }
    }

    private async Task SendPage(HttpContext context, Func<bool, Task<ApiPage?>> page, string? none)
    {
        var packed = ContentNegotiation.Gzip(context.Request.Headers.AcceptEncoding);
        if (await page(false) is not { } plain)
        {
            await Crowded(context);
            return;
        }
        if (plain.Body is not { } body)
        {
            await Missing(context, none);
            return;
        }
        packed &= body.Length >= WorthPacking;
        if (packed && await page(true) is { Body: { } smaller })
            body = smaller;
        else
            packed = false;
        var response = context.Response;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.Vary = "Accept-Encoding";
        response.Headers["Netlens-Version"] = http().Version;
        if (packed)
            response.Headers.ContentEncoding = "gzip";
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        var connection = ClientConnection.Of(context) ?? new ClientConnection(context.Abort);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(http().WriteTimeout);
        try
        {
            http().Connections.BeginSending(connection);
            await response.Body.WriteAsync(body, deadline.Token);
            // The server takes what is written to a closed connection, and says nothing.
            deadline.Token.ThrowIfCancellationRequested();
        }
        finally
        {
            http().Connections.EndSending(connection);
        }
    }

    private static Task Crowded(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
            "too many other answers are waited for\n");
    }

    private Task Missing(HttpContext context, string? none)
    {
        if (none is not null && source.Round() > 0)
            return PlainText.WriteAsync(context, StatusCodes.Status404NotFound, $"{none}\n");
        context.Response.Headers.RetryAfter = "1";
        return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable,
            "nothing was collected yet: the first collection is under way\n");
    }

    public static Task Refuse(HttpContext context, ApiQuery query) => PlainText.WriteAsync(
        context, StatusCodes.Status400BadRequest, string.Create(CultureInfo.InvariantCulture, $"{query.Problem}\n"));

    public void Dispose() => _pages.Dispose();
}
