using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// The folder, which may not be there, full, read-only or another agent's: then it is tried again and again, and said
/// once.
/// </summary>
internal sealed class SpoolDisk(
    string folder, SpoolSettings settings, SpoolFigures figures, ILogger log, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private SpoolFolder? _spool;
    private long? _failedAt;
    private long _toldOfSize;
    private long _toldOfAge;
    private long _toldOfCorrupt;

    public string Folder => folder;

    public bool IsOpen => _spool is not null;

    public bool IsEmpty => _spool is null or { IsEmpty: true };

    /// <summary>A quarter of it is full: the rest is not for namespaces that any user can make.</summary>
    public bool IsCrowded => figures.Bytes > settings.Size / 4;

    public bool TryOpen() => Try(() =>
    {
        if (_spool is not null)
            return;
        _spool = new SpoolFolder(folder, settings, figures, time);
        if (figures.Found > 0)
            EventLog.SpoolFound(log, figures.Found, folder);
        TellLosses();
    });

    /// <summary>False where it cannot be: nothing has changed then.</summary>
    public bool TryAppend(IReadOnlyCollection<NetworkEvent> events)
    {
        if (_failedAt is { } failed && time.GetElapsedTime(failed) < Pause)
            return false;
        if (!TryOpen() || !Try(() => _spool!.Append(events)))
            return false;
        if (_failedAt is not null)
            EventLog.SpoolWorks(log, folder);
        _failedAt = null;
        TellLosses();
        return true;
    }

    public SpoolBatch Read(int most) => _spool!.Read(most);

    public void Settle(SpoolBatch batch, int events)
    {
        _spool!.Settle(batch, events);
        TellLosses();
    }

    public void Sync() => Try(() => _spool?.Sync());

    public void Dispose() => Try(() => _spool?.Dispose());

    private bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            figures.Fail();
            if (_failedAt is null)
                EventLog.SpoolBroken(log, folder, e.Message);
            _failedAt = time.GetTimestamp();
            return false;
        }
    }

    // Each kind once: afterwards the self-metrics tell.
    private void TellLosses()
    {
        Tell(SpoolLoss.Size, ref _toldOfSize, "more came than events.spoolSize allows, the oldest went");
        Tell(SpoolLoss.Age, ref _toldOfAge, "they waited longer than events.spoolAge");
        Tell(SpoolLoss.Corrupt, ref _toldOfCorrupt, "the disk does not hold what was written");
    }

    private void Tell(SpoolLoss why, ref long told, string reason)
    {
        var lost = figures.Lost(why);
        if (lost > 0 && told == 0)
            EventLog.SpoolLost(log, lost, folder, reason);
        told = lost;
    }
}
