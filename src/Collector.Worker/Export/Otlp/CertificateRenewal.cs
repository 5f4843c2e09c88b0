using Collector.Core.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// What became of certificates that were replaced while the agent runs. One for the process: exporters of ours and of
/// the SDK follow the same files, and each change is told and counted once.
/// </summary>
internal static class CertificateRenewal
{
    private static readonly Lock Telling = new();
    private static readonly Dictionary<string, int> Told = [];
    private static bool _used;
    private static long _failures;

    /// <summary>Gets a line for each change.</summary>
    public static ILogger Log { get; set; } = NullLogger.Instance;

    /// <summary>Times that files became no use; <see cref="Metric.Absent"/> as long as none is followed.</summary>
    public static long Failures
    {
        get
        {
            lock (Telling)
                return _used ? _failures : Metric.Absent;
        }
    }

    public static void Follow()
    {
        lock (Telling)
            _used = true;
    }

    /// <param name="files">Which they are.</param>
    /// <param name="mark">Of what they say now.</param>
    public static void Renewed(string files, int mark)
    {
        if (IsNews(files, mark, failed: false))
            OtlpLog.CertificatesRenewed(Log, files);
    }

    /// <param name="files">Which they are.</param>
    /// <param name="fault">Why they are no use, with the file and who named it.</param>
    /// <param name="mark">Of what they say now.</param>
    public static void Kept(string files, string fault, int mark)
    {
        if (IsNews(files, mark, failed: true))
            OtlpLog.CertificatesKept(Log, fault);
    }

    private static bool IsNews(string files, int mark, bool failed)
    {
        lock (Telling)
        {
            var told = HashCode.Combine(mark, failed);
            if (Told.GetValueOrDefault(files) == told)
                return false;
            Told[files] = told;
            _failures += failed ? 1 : 0;
            return true;
        }
    }
}
