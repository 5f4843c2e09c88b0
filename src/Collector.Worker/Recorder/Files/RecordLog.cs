using Collector.Worker.Logging;

namespace Collector.Worker.Recorder.Files;

/// <summary>What the recorder says.</summary>
internal static partial class RecordLog
{
    [LoggerMessage(LogEvents.RecordKept, LogLevel.Information,
        "the last {Collections} collections are kept in {File} ({Reason})")]
    public static partial void Kept(ILogger logger, int collections, string file, string reason);

    [LoggerMessage(LogEvents.RecordNotKept, LogLevel.Warning, "the recording cannot be kept ({Reason}): {Fault}")]
    public static partial void NotKept(ILogger logger, string reason, string fault);

    [LoggerMessage(LogEvents.RecordRefused, LogLevel.Information, "no recording is kept ({Reason}): {Why}")]
    public static partial void Refused(ILogger logger, string reason, string why);
}
