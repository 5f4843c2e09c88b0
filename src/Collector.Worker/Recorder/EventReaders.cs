namespace Collector.Worker.Recorder;

/// <summary>Counts those who read the stream of events, and bounds them.</summary>
public sealed class EventReaders
{
    private int _now;
    private long _refused;
    private long _cut;
    private long _lost;

    /// <summary>Readers at once.</summary>
    public int Most { get; set; } = 64;

    public int Now => Volatile.Read(ref _now);

    /// <summary>Readers turned away because there were too many.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Readers cut off because they took nothing.</summary>
    public long Cut => Interlocked.Read(ref _cut);

    /// <summary>Events that were overwritten before a reader came to them, summed over readers.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>False, and counted, when there are too many; who gets true calls <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _now) <= Most)
            return true;
        Interlocked.Decrement(ref _now);
        Interlocked.Increment(ref _refused);
        return false;
    }

    /// <returns>True for the last one.</returns>
    public bool Leave() => Interlocked.Decrement(ref _now) == 0;

    public void CountCut() => Interlocked.Increment(ref _cut);

    public void CountLost(ulong events)
    {
        if (events > 0)
            Interlocked.Add(ref _lost, (long)events);
    }
}
