namespace Collector.Worker.Recorder;

/// <summary>Events in the order of their numbers, so many at most. Not safe to use from several threads.</summary>
internal sealed class NumberedEvents(int most)
{
    private readonly NumberedEvent[] _places = new NumberedEvent[most];
    private int _first;

    public int Count { get; private set; }

    public bool IsFull => Count == _places.Length;

    public NumberedEvent this[int index] => _places[(_first + index) % _places.Length];

    /// <summary>Number of the oldest; more than any where there is none.</summary>
    public ulong Oldest => Count == 0 ? ulong.MaxValue : this[0].Number;

    /// <summary>Takes one that is newer than all.</summary>
    public void Add(NumberedEvent e) => _places[(_first + Count++) % _places.Length] = e;

    public void RemoveOldest()
    {
        _places[_first] = default;
        _first = (_first + 1) % _places.Length;
        Count--;
    }

    /// <summary>How many are not behind a number.</summary>
    public int CountUpTo(ulong number)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (this[middle].Number <= number)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
