namespace Collector.Worker.Events.Outlets;

/// <summary>What is said of a backend: each change once, however many batches it concerns.</summary>
internal sealed class RemoteLog(IRemoteOutlet remote, string meanwhile, ILogger log)
{
    private bool _away;
    private bool _refusing;

    public void Tell(in SendResult result, int offered)
    {
        if (result.Refused > 0 && !_refusing)
            EventLog.Refused(log, remote.Target, result.Trouble);
        if (result.Settled < offered && !_away)
            EventLog.RemoteAway(log, remote.Target, result.Trouble, meanwhile);
        if (result.Settled == offered && _away)
            EventLog.RemoteBack(log, remote.Target);
        _away = result.Settled < offered;
        // Only what arrives shows that it is over.
        _refusing = result.Refused > 0 || (_refusing && result.Arrived == 0);
    }
}
