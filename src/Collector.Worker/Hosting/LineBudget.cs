namespace Collector.Worker.Hosting;

/// <summary>
/// Lines a minute that a framework may write: what strangers can make it say must not fill the disk. Thread-safe.
/// </summary>
internal sealed class LineBudget(TimeProvider time)
{
    public const int PerMinute = 5;

    private readonly Lock _lock = new();
    private long _began;
    private int _taken = PerMinute;
    private long _left;

    /// <summary>True when one more may be written, with how many were left out since the last one.</summary>
    public bool TryTake(out long leftOut)
    {
        lock (_lock)
        {
            leftOut = 0;
            var now = time.GetTimestamp();
            if (_taken >= PerMinute && (_began == 0 || time.GetElapsedTime(_began, now) >= TimeSpan.FromMinutes(1)))
                (_began, _taken) = (now, 0);
            if (_taken >= PerMinute)
            {
                _left++;
                return false;
            }
            _taken++;
            (leftOut, _left) = (_left, 0);
            return true;
        }
    }
}
