using Collector.Core.Events;
using Collector.Linux.Interop;

namespace Collector.Worker.Events.Outlets.Journal;

/// <summary>
/// Events to the journal of systemd. The journal's own restart loses nothing, its socket stays; where there is none,
/// the outlet tells the first failure of a row, and the recovery.
/// </summary>
internal sealed class JournalOutlet(ILogger log, string path = JournalSocket.DefaultPath) : IEventOutlet
{
    private readonly JournalEntry _entry = new();
    private readonly JournalSocket _socket = new(path);
    private bool _failing;

    public string Name => "journald";

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        var done = 0;
        foreach (var e in batch)
        {
            if (!TrySend(e))
                break;
            done++;
        }
        if (_failing && done > 0 && done == batch.Length)
        {
            EventLog.WritesAgain(log, "the journal");
            _failing = false;
        }
        return done;
    }

    public void Dispose() => _socket.Dispose();

    private bool TrySend(NetworkEvent e)
    {
        try
        {
            _socket.Send(_entry.Of(e));
            return true;
        }
        catch (IOException failure)
        {
            if (!_failing)
                EventLog.CannotWrite(log, "the journal", failure.Message);
            _failing = true;
            return false;
        }
    }
}
