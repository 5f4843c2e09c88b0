using System.Globalization;
using Collector.Worker.Recorder;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Http;

/// <summary>/events: the newest events and those to come, as lines of JSON or as server-sent events.</summary>
internal sealed class EventsEndpoint : IDisposable
{
    private const string LastEventId = "Last-Event-ID";

    private readonly EventLines _lines = new();
    private readonly NetlensHttp _http;
    private readonly EventQueryParser _parser;
    private readonly CancellationToken _stopping;

    /// <param name="http">What it answers from.</param>
    /// <param name="stopping">The server stops: all streams end.</param>
    public EventsEndpoint(NetlensHttp http, CancellationToken stopping)
    {
        _http = http;
        _parser = new(http.EventKinds, http.Time);
        _stopping = stopping;
        // Others must find a connection too, however few there may be.
        Readers.Most = Math.Min(Readers.Most, http.Connections.Most / 2);
    }

    private EventReaders Readers => _http.Ring.Readers;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!_http.Ring.IsOpen)
            await PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, WhyNot());
        else if (!TryRead(context.Request, out var query, out var problem))
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, problem + "\n");
        else if (HttpMethods.IsHead(context.Request.Method))
            WriteHeaders(context, FramingOf(context.Request, query));
        else if (Readers.TryEnter())
            await Serve(context, query);
        else
            await Crowded(context);
    }

    public void Dispose() => _lines.Dispose();

    private async Task Serve(HttpContext context, EventQuery query)
    {
        var connection = ClientConnection.Of(context) ?? new ClientConnection(context.Abort);
        try
        {
            connection.Lasting = true;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping);
            var framing = FramingOf(context.Request, query);
            WriteHeaders(context, framing);
            var stream = new EventStream(_http, query, framing, _lines, context.Response.BodyWriter, connection);
            context.Response.Headers[EventHeaders.Behind] = stream.Position.ToString(CultureInfo.InvariantCulture);
            await stream.RunAsync(end.Token);
        }
        catch (TimeoutException)
        {
            Readers.CountCut();
            context.Abort();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone, or the agent stops while it takes nothing.
            context.Abort();
        }
        finally
        {
            connection.Lasting = false;
            if (Readers.Leave())
                _lines.Clear();
        }
    }

    private void WriteHeaders(HttpContext context, EventFraming framing)
    {
        var headers = context.Response.Headers;
        headers.ContentType = framing.ContentType;
        headers.CacheControl = "no-store";
        headers.Vary = "Accept";
        // A proxy in front that gathers what it passes on would hold events back.
        headers["X-Accel-Buffering"] = "no";
        headers["Netlens-Version"] = _http.Version;
        headers[EventHeaders.Run] = _http.Ring.Run;
    }

    private bool TryRead(HttpRequest request, out EventQuery query, out string problem)
    {
        if (!_parser.TryParse(request.Query, out query, out problem))
            return false;
        // A number that another run gave says nothing of this one's.
        if (query.After > 0 && request.Headers[EventHeaders.Run] is { Count: > 0 } run && run != _http.Ring.Run)
            query = query with { After = 0 };
        // A browser that comes back says what it had last; where it began does not matter any more.
        if (request.Headers[LastEventId].ToString() is not { Length: > 0 } id)
            return true;
        if (!ulong.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var last))
        {
            problem = $"{LastEventId} must be the id of an event, a whole number";
            return false;
        }
        query = query with { After = last };
        return true;
    }

    private static EventFraming FramingOf(HttpRequest request, EventQuery query) => query.Format switch
    {
        EventFormat.Sse => EventFraming.Sse,
        EventFormat.Ndjson => EventFraming.Ndjson,
        _ => Accepts(request.Headers.Accept, EventFraming.Sse.ContentType) ? EventFraming.Sse : EventFraming.Ndjson,
    };

    private static bool Accepts(StringValues accept, string type) =>
        accept.ToString().Contains(type, StringComparison.OrdinalIgnoreCase);

    private string WhyNot() => _http.Options().Events switch
    {
        { Enabled: false } => "events are off: the configuration says so (events.enabled)\n",
        { Recent: 0 } => "no events are kept: the configuration says so (events.recent)\n",
        _ => "events are not kept at the moment\n",
    };

    private Task Crowded(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, string.Create(
            CultureInfo.InvariantCulture, $"{Readers.Most} others read events, which is the bound\n"));
    }
}
