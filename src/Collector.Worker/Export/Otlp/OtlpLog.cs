using Collector.Worker.Logging;

namespace Collector.Worker.Export.Otlp;

/// <summary>What the OTLP outlet says: its start, its failures at most once a minute, and its recovery.</summary>
internal static partial class OtlpLog
{
    [LoggerMessage(LogEvents.OtlpStarted, LogLevel.Information, "Metrics go to {Endpoint}")]
    public static partial void Started(ILogger log, OtlpSignalSettings endpoint);

    [LoggerMessage(LogEvents.OtlpFailed, LogLevel.Warning,
        "{Points} points were not exported ({Reason}: {Detail}); {Suppressed} like failures since the last line")]
    public static partial void Failed(ILogger log, int points, string reason, string detail, long suppressed);

    [LoggerMessage(LogEvents.OtlpRejected, LogLevel.Warning,
        "The server dropped {Rejected} of {Points} points: {Detail}; {Suppressed} like answers since the last line")]
    public static partial void Rejected(ILogger log, long rejected, int points, string detail, long suppressed);

    [LoggerMessage(LogEvents.OtlpRemark, LogLevel.Warning,
        "The server took all {Points} points and remarks: {Detail}; {Suppressed} like answers since the last line")]
    public static partial void Remark(ILogger log, int points, string detail, long suppressed);

    [LoggerMessage(LogEvents.OtlpSplit, LogLevel.Warning,
        "The server refuses requests of {Refused} bytes ({Detail}) and takes {Taken}: from now on none is larger than "
            + "{Most} before compression; otlp.maxRequestSize sets that at once{Advice}")]
    public static partial void Split(ILogger log, int refused, string detail, int taken, int most, string advice);

    [LoggerMessage(LogEvents.CertificatesFollowed, LogLevel.Information, "{Files} changed, and is used from now on")]
    public static partial void CertificatesRenewed(ILogger log, string files);

    [LoggerMessage(LogEvents.CertificatesUseless, LogLevel.Error, "{Fault}: what it held before stays in use")]
    public static partial void CertificatesKept(ILogger log, string fault);

    [LoggerMessage(LogEvents.OtlpRecovered, LogLevel.Information, "Metrics are accepted again")]
    public static partial void Recovered(ILogger log);
}

/// <summary>Lets one line through per interval and counts the others.</summary>
internal sealed class LogGate(TimeProvider time, TimeSpan interval)
{
    private long? _last;
    private long _suppressed;

    public bool TryPass(out long suppressed)
    {
        suppressed = _suppressed;
        if (_last is { } last && time.GetElapsedTime(last) < interval)
        {
            _suppressed++;
            return false;
        }
        _last = time.GetTimestamp();
        _suppressed = 0;
        return true;
    }

    /// <summary>The next line passes whenever it comes.</summary>
    public void Reset() => _last = null;
}
