using Collector.Worker.Logging;

namespace Collector.Worker.Http;

/// <summary>Log lines of the HTTP server.</summary>
internal static partial class HttpLog
{
    [LoggerMessage(LogEvents.Listening, LogLevel.Information, "listening on {Address}")]
    public static partial void Listening(ILogger logger, string address);

    [LoggerMessage(LogEvents.ListeningToOthers, LogLevel.Warning,
        "listening on {Address}: other machines can read /metrics, which is neither encrypted nor authenticated")]
    public static partial void NotLoopback(ILogger logger, string address);
}
