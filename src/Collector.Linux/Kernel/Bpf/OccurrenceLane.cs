namespace Collector.Linux.Kernel.Bpf;

/// <summary>Occurrences that are resolved in the order in which they came. Its queue's lock guards it.</summary>
/// <param name="capacity">Occurrences that may wait.</param>
internal sealed class OccurrenceLane(int capacity)
{
    private readonly Occurrence[] _waiting = new Occurrence[capacity];
    private int _first;

    public int Capacity => _waiting.Length;

    public int Count { get; private set; }

    /// <summary>Those that were taken in, ever.</summary>
    public long Added { get; private set; }

    /// <summary>Those that are resolved, ever.</summary>
    public long Done { get; private set; }

    /// <summary>With which one somebody wants to be woken.</summary>
    public long Awaited { get; set; } = long.MaxValue;

    public void Add(Occurrence occurrence)
    {
        _waiting[(_first + Count++) % _waiting.Length] = occurrence;
        Added++;
    }

    public Occurrence Take()
    {
        var occurrence = _waiting[_first];
        _waiting[_first] = null!;
        _first = (_first + 1) % _waiting.Length;
        Count--;
        return occurrence;
    }

    /// <summary>True when somebody waits for this one.</summary>
    public bool EndOne()
    {
        if (++Done < Awaited)
            return false;
        Awaited = long.MaxValue;
        return true;
    }
}
