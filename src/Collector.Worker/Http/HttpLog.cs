namespace Collector.Worker.Http;

/// <summary>Log lines of the HTTP server. Event ids 2000-2099; never reused.</summary>
internal static partial class HttpLog
{
    [LoggerMessage(2000, LogLevel.Information, "listening on {Address}")]
    public static partial void Listening(ILogger logger, string address);

    [LoggerMessage(2001, LogLevel.Warning,
        "listening on {Address}: other machines can read /metrics, which is neither encrypted nor authenticated")]
    public static partial void NotLoopback(ILogger logger, string address);
}
