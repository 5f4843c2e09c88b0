using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;

namespace Collector.Worker.Http.Api;

/// <summary>/api/v1/stream: the overview after each collection, as server-sent events, to a bounded number.</summary>
internal sealed class OverviewStream(
    ApiEndpoints api, ApiSource source, NetlensHttp http, CancellationToken stopping)
{
    /// <summary>Bytes after which the reader must take something before there are more.</summary>
    private const int Piece = 32 * 1024;

    /// <summary>No more often, however short collections are.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>A collection that was published is looked at for causes before it is told.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    private const int Looks = 40;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Seconds: each window is an answer of its own after each collection, so that there are a few of them, however
    /// many streams.
    /// </summary>
    private static readonly int[] Windows = [10, 60, 300, 900, ApiQuery.LongestWindow];

    public async Task InvokeAsync(HttpContext context)
    {
        var query = api.Query(context);
        var window = query.Window();
        if (!query.End())
            await ApiEndpoints.Refuse(context, query);
        else if (HttpMethods.IsHead(context.Request.Method))
            WriteHeaders(context);
        else if (api.Streams.TryEnter())
            await Serve(context, Rounded(window));
        else
            await Crowded(context);
    }

    /// <summary>The next one that streams tell of.</summary>
    internal static TimeSpan Rounded(TimeSpan window) =>
        TimeSpan.FromSeconds(Array.Find(Windows, w => w >= window.TotalSeconds));

    private void WriteHeaders(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-store";
        // A proxy in front that gathers what it passes on would hold events back.
        headers["X-Accel-Buffering"] = "no";
        headers["Netlens-Version"] = http.Version;
    }

    private async Task Serve(HttpContext context, TimeSpan window)
    {
        var connection = ClientConnection.Of(context) ?? new ClientConnection(context.Abort);
        try
        {
            connection.Lasting = true;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            WriteHeaders(context);
            await RunAsync(context.Response.BodyWriter, connection, window, end.Token);
        }
        catch (TimeoutException)
        {
            api.Streams.CountCut();
            context.Abort();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone; where the agent stops it has had its last event.
            if (!stopping.IsCancellationRequested)
                context.Abort();
        }
        finally
        {
            connection.Lasting = false;
            api.Streams.Leave();
        }
    }

    private async Task RunAsync(
        PipeWriter body, ClientConnection connection, TimeSpan window, CancellationToken end)
    {
        var told = -1L;
        await FlushAsync(body, connection, end); // The headers.
        // The first overview may have to wait: whatever holds this back holds back all.
        await BeatAsync(body, connection, end);
        while (!end.IsCancellationRequested)
        {
            var round = source.Round();
            if (round != told && await OverviewAsync(body, connection, window, end) is { Body: { } overview } page)
            {
                // As a rule of this round; of a later one where it had to wait.
                told = page.Round;
                await SendAsync(body, connection, overview, end);
                await Task.Delay(Pause, end);
            }
            else if (!await WaitAsync(round, connection, end))
            {
                await BeatAsync(body, connection, end);
            }
        }
    }

    // Others may be in front of it, each with a rest after it: the reader is told meanwhile that the stream lives.
    private async Task<ApiPage?> OverviewAsync(
        PipeWriter body, ClientConnection connection, TimeSpan window, CancellationToken end)
    {
        var overview = api.OverviewAsync(window, packed: false, end);
        while (!overview.IsCompleted)
        {
            var left = SilenceLeft(connection);
            if (left <= TimeSpan.Zero)
                await BeatAsync(body, connection, end);
            else
                await ((Task)overview).WaitAsync(left, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            end.ThrowIfCancellationRequested();
        }
        return await overview;
    }

    private TimeSpan SilenceLeft(ClientConnection connection) =>
        http.StreamSilence - Stopwatch.GetElapsedTime(connection.Since);

    private Task BeatAsync(PipeWriter body, ClientConnection connection, CancellationToken end)
    {
        body.Write(":\n\n"u8);
        return FlushAsync(body, connection, end);
    }

    /// <returns>False when it is time to say something.</returns>
    private async Task<bool> WaitAsync(long round, ClientConnection connection, CancellationToken end)
    {
        while (source.Round() == round && SilenceLeft(connection) > TimeSpan.Zero)
        {
            // Not much longer: one that was published a moment ago is nobody's next.
            var next = http.Store.NextPublished;
            await next.WaitAsync(Longest, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            end.ThrowIfCancellationRequested();
            for (var i = 0; i < Looks && next.IsCompleted && source.Round() == round; i++)
                await Task.Delay(Look, end);
        }
        return source.Round() != round;
    }

    /// <param name="body">Takes it.</param>
    /// <param name="connection">Of the reader.</param>
    /// <param name="overview">One line of JSON.</param>
    /// <param name="end">The reader is gone, or the agent stops.</param>
    private async Task SendAsync(PipeWriter body, ClientConnection connection, byte[] overview, CancellationToken end)
    {
        body.Write("event: overview\ndata: "u8);
        for (var i = 0; i < overview.Length; i += Piece)
        {
            body.Write(overview.AsSpan(i, Math.Min(Piece, overview.Length - i)));
            if (i + Piece < overview.Length)
                await FlushAsync(body, connection, end);
        }
        body.Write("\n\n"u8);
        await FlushAsync(body, connection, end);
    }

    private Task FlushAsync(PipeWriter body, ClientConnection connection, CancellationToken end) =>
        connection.FlushAsync(body, http.StreamPatience, end);

    private Task Crowded(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "10";
        return PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, string.Create(
            CultureInfo.InvariantCulture, $"{api.Streams.Most} others take the stream, which is the bound\n"));
    }
}
