using Collector.Worker.Configuration;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>Where and how much may wait on disk.</summary>
/// <param name="Folder">Has a folder for each outlet.</param>
/// <param name="Size">Bytes of one outlet.</param>
/// <param name="Age">Older events are lost.</param>
internal sealed record SpoolSettings(string Folder, long Size, TimeSpan Age)
{
    /// <summary>Null where nothing is kept.</summary>
    public static SpoolSettings? Of(EventOptions events) =>
        events.Spool is { Length: > 0 } folder ? new(folder, events.SpoolSize, events.SpoolAge) : null;
}
