namespace Collector.Worker.Memory;

/// <summary>
/// Gives the heap's spare memory back to the system when it will not be needed again: so little is allocated in steady
/// state that no collection of garbage may come for hours, and the node would pay for the start, or for a burst of
/// namespaces, all day.
/// </summary>
/// <param name="giveBack">Does it: in the program, the garbage collector.</param>
/// <param name="time">Measures how long.</param>
internal sealed class MemoryReturn(Action giveBack, TimeProvider time)
{
    /// <summary>Collections that leave the garbage of opening everything behind.</summary>
    private const int Start = 2;

    /// <summary>Below this many series there is nothing to give back that would matter.</summary>
    private const long Few = 5_000;

    /// <summary>How long a node must have been smaller: pods that restart come back.</summary>
    private static readonly TimeSpan Lasting = TimeSpan.FromMinutes(1);

    private int _collections;
    private long _most;
    private long? _smallerSince;

    public MemoryReturn()
        : this(GiveBack, TimeProvider.System)
    {
    }

    /// <summary>Called after each collection.</summary>
    /// <param name="series">How many it had.</param>
    /// <param name="freed">True when something large was let go.</param>
    public void After(long series, bool freed = false)
    {
        if (++_collections <= Start)
        {
            giveBack();
            _most = series;
            return;
        }
        if (freed)
            giveBack();
        _most = Math.Max(_most, series);
        if (_most < Few || series > _most * 3 / 4)
        {
            _smallerSince = null;
            return;
        }
        _smallerSince ??= time.GetTimestamp();
        if (time.GetElapsedTime(_smallerSince.Value) < Lasting)
            return;
        giveBack();
        _most = series;
        _smallerSince = null;
    }

    private static void GiveBack()
    {
        LargeArrays.Forget();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
