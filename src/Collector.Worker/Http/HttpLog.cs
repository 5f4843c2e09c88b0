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

    [LoggerMessage(LogEvents.Crowded, LogLevel.Warning,
        "{Most} connections at once, which is the bound: those on which nothing happens are closed for new ones, and "
            + "counted in netlens.http.connections.evicted")]
    private static partial void Crowded(ILogger logger, int most);

    /// <summary>Says it, but not for each connection that somebody opens.</summary>
    public static Action<int> CrowdedOncePerMinute(ILogger logger, TimeProvider time)
    {
        var last = 0L;
        return most =>
        {
            var (now, before) = (time.GetTimestamp(), Interlocked.Read(ref last));
            if (before != 0 && time.GetElapsedTime(before, now) < TimeSpan.FromMinutes(1))
                return;
            if (Interlocked.CompareExchange(ref last, now, before) == before)
                Crowded(logger, most);
        };
    }
}
