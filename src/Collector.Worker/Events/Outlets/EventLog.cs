using Collector.Worker.Logging;

namespace Collector.Worker.Events.Outlets;

/// <summary>What the event outlets say.</summary>
internal static partial class EventLog
{
    [LoggerMessage(LogEvents.OutletFault, LogLevel.Error,
        "the event outlet {Outlet} failed; its events are lost and counted")]
    public static partial void OutletFault(ILogger logger, string outlet, Exception exception);

    [LoggerMessage(LogEvents.EventsUndelivered, LogLevel.Warning,
        "{Count} events were not delivered to {Outlet} before the end")]
    public static partial void Undelivered(ILogger logger, long count, string outlet);

    [LoggerMessage(LogEvents.EventsNotWritten, LogLevel.Warning,
        "events cannot be written to {Target} ({Reason}); until they can be, those lost are only counted")]
    public static partial void CannotWrite(ILogger logger, string target, string reason);

    [LoggerMessage(LogEvents.EventsWrittenAgain, LogLevel.Information, "events are written to {Target} again")]
    public static partial void WritesAgain(ILogger logger, string target);

    [LoggerMessage(LogEvents.EventsNotSent, LogLevel.Warning,
        "{What} cannot be sent over OTLP to {Endpoint}; until they can be, those lost are only counted")]
    public static partial void CannotSend(ILogger logger, string what, string endpoint);

    [LoggerMessage(LogEvents.EventsHalved, LogLevel.Warning,
        "the server refuses requests of {Refused} events for their size (HTTP 413); from now on none has more than "
            + "{Most}")]
    public static partial void SendsFewer(ILogger logger, int refused, int most);

    [LoggerMessage(LogEvents.EventTooLarge, LogLevel.Warning,
        "an event is too large by itself for {Endpoint} (HTTP 413); it and others like it are lost and counted")]
    public static partial void TooLarge(ILogger logger, string endpoint);

    [LoggerMessage(LogEvents.EventsSentAgain, LogLevel.Information, "{What} are sent over OTLP again")]
    public static partial void SendsAgain(ILogger logger, string what);

    [LoggerMessage(LogEvents.SpansNameless, LogLevel.Warning,
        "spans have ids that their log records and exemplars do not know, only the trace's is the same: {Reason}")]
    public static partial void SpansNameless(ILogger logger, string reason);

    [LoggerMessage(LogEvents.EventsGo, LogLevel.Information, "{Where}")]
    public static partial void Go(ILogger logger, string where);

    [LoggerMessage(LogEvents.EventsRemoteAway, LogLevel.Warning,
        "events cannot be sent to {Target} ({Reason}); {Meanwhile}")]
    public static partial void RemoteAway(ILogger logger, string target, string reason, string meanwhile);

    [LoggerMessage(LogEvents.EventsRemoteBack, LogLevel.Information, "events are sent to {Target} again")]
    public static partial void RemoteBack(ILogger logger, string target);

    [LoggerMessage(LogEvents.EventsRefused, LogLevel.Warning,
        "{Target} refuses events for good ({Reason}); they are lost and counted")]
    public static partial void Refused(ILogger logger, string target, string reason);

    [LoggerMessage(LogEvents.SpoolBroken, LogLevel.Error,
        "events cannot be kept in {Folder} ({Reason}); until they can be, they wait in memory only")]
    public static partial void SpoolBroken(ILogger logger, string folder, string reason);

    [LoggerMessage(LogEvents.SpoolWorks, LogLevel.Information, "events can be kept in {Folder} again")]
    public static partial void SpoolWorks(ILogger logger, string folder);

    [LoggerMessage(LogEvents.SpoolFound, LogLevel.Information,
        "{Count} events of an earlier run wait in {Folder} to be sent")]
    public static partial void SpoolFound(ILogger logger, long count, string folder);

    [LoggerMessage(LogEvents.SpoolLost, LogLevel.Warning,
        "{Count} events that waited in {Folder} are lost: {Reason}")]
    public static partial void SpoolLost(ILogger logger, long count, string folder, string reason);
}
