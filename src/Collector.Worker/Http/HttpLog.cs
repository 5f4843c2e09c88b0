using Collector.Worker.Logging;

namespace Collector.Worker.Http;

/// <summary>Log lines of the HTTP server.</summary>
internal static partial class HttpLog
{
    [LoggerMessage(LogEvents.Listening, LogLevel.Information, "listening on {Address}")]
    public static partial void Listening(ILogger logger, string address);

    [LoggerMessage(LogEvents.ListeningToOthers, LogLevel.Warning,
        "listening on {Address}: other machines reach it (http.insecure), and it is without {Missing}")]
    public static partial void NotLoopback(ILogger logger, string address, string missing);

    [LoggerMessage(LogEvents.NoSocket, LogLevel.Information, "no local socket: {Reason}")]
    public static partial void NoSocket(ILogger logger, string reason);

    [LoggerMessage(LogEvents.TokenUnreadable, LogLevel.Error,
        "{Fault}: until it can be read, requests over the network are answered with 503")]
    public static partial void TokenUnreadable(ILogger logger, string fault);

    [LoggerMessage(LogEvents.TokenRenewed, LogLevel.Information,
        "http.tokenFile was read again: its token is in force")]
    public static partial void TokenRenewed(ILogger logger);

    [LoggerMessage(LogEvents.CertificateKept, LogLevel.Error, "{Fault}: the certificate of before stays in use")]
    public static partial void CertificateKept(ILogger logger, string fault);

    [LoggerMessage(LogEvents.CertificateRenewed, LogLevel.Information,
        "http.certificate was read again: in use, valid until {End}")]
    public static partial void CertificateRenewed(ILogger logger, string end);

    [LoggerMessage(LogEvents.CertificateOutOfTime, LogLevel.Warning,
        "http.certificate: it {Problem}: whoever checks it does not connect")]
    public static partial void CertificateOutOfTime(ILogger logger, string problem);

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
