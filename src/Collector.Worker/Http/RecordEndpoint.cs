using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Http;

/// <summary>/record: what the agent has in memory of the last hour, as a file. One reader at a time.</summary>
internal sealed class RecordEndpoint(NetlensHttp http)
{
    /// <summary>The type of such files.</summary>
    public const string ContentType = "application/vnd.netlens.recording";

    /// <summary>For all of it, however steadily it is taken: others wait.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private int _busy;

    public async Task InvokeAsync(HttpContext context)
    {
        if (http.Records is not { } keeper)
        {
            await PlainText.WriteAsync(context, StatusCodes.Status404NotFound, "nothing is recorded\n");
            return;
        }
        var masked = false;
        if (context.Request.Query.TryGetValue("mask", out var flag) && !bool.TryParse(flag.ToString(), out masked))
        {
            await PlainText.WriteAsync(context, StatusCodes.Status400BadRequest, "mask must be true or false\n");
            return;
        }
        if (Interlocked.Exchange(ref _busy, 1) == 1)
        {
            context.Response.Headers.RetryAfter = "5";
            await PlainText.WriteAsync(
                context, StatusCodes.Status503ServiceUnavailable, "another takes the recording now\n");
            return;
        }
        try
        {
            await SendAsync(context, keeper, masked);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader is gone, or too slow. Half a file must not look like a whole one.
            context.Abort();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private async Task SendAsync(HttpContext context, RecordKeeper keeper, bool masked)
    {
        var response = context.Response;
        response.ContentType = ContentType;
        response.Headers.CacheControl = "no-store";
        response.Headers["Netlens-Version"] = http.Version;
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        using var whole = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        whole.CancelAfter(Longest);
        var contents = keeper.Contents("asked for", masked);
        using var collections = contents.Collections;
        var connection = ClientConnection.Of(context);
        foreach (var piece in new RecordFileWriter(contents, masked ? new() : null).Pieces())
        {
            // Who takes piece by piece is not too slow, however large it all is.
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(whole.Token);
            deadline.CancelAfter(http.WriteTimeout);
            await response.Body.WriteAsync(piece, deadline.Token);
            // The server takes what is written to a closed connection, and says nothing.
            deadline.Token.ThrowIfCancellationRequested();
            connection?.Touch();
        }
    }
}
