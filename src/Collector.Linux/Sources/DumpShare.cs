namespace Collector.Linux.Sources;

/// <summary>
/// Has dumps of all namespaces together take no more than a fiftieth of one processor's time, however much their owners
/// put into them: who was asked waits in proportion to what it cost and to how many others wait. What was read last
/// stays meanwhile.
/// </summary>
internal sealed class DumpShare
{
    private const int Share = 50;

    private int _waiting;
    private int _waited = 1;

    /// <summary>Begins a collection.</summary>
    public void Begin()
    {
        _waited = Math.Max(1, _waiting);
        _waiting = 0;
    }

    /// <summary>Called once per collection and dump that is wanted; true when it is time.</summary>
    /// <param name="next">When it is, as <see cref="After"/> said.</param>
    /// <param name="moment">Now.</param>
    public bool IsTime(long next, long moment)
    {
        _waiting++;
        return moment >= next;
    }

    /// <summary>When there may be another.</summary>
    /// <param name="cost">Processor time of the last, in nanoseconds.</param>
    /// <param name="moment">Now.</param>
    public long After(long cost, long moment) => moment + (cost * Share * _waited);
}
