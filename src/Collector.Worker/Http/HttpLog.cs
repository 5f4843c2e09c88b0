namespace Collector.Worker.Http;

/// <summary>Log lines of the HTTP server. Event ids 300-399; never reused.</summary>
internal static partial class HttpLog
{
    [LoggerMessage(300, LogLevel.Information, "listening on {Address}")]
    public static partial void Listening(ILogger logger, string address);

    [LoggerMessage(301, LogLevel.Warning,
        "listening on {Address}: other machines can read /metrics, which is neither encrypted nor authenticated")]
    public static partial void NotLoopback(ILogger logger, string address);
}
