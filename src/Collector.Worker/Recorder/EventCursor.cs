namespace Collector.Worker.Recorder;

/// <summary>A reader's place in the ring. Used by one reader.</summary>
public sealed class EventCursor
{
    private readonly EventRing _ring;
    private EventPlace _place;

    internal EventCursor(EventRing ring, EventPlace place)
    {
        _ring = ring;
        _place = place;
    }

    /// <summary>Number of the event that it is behind.</summary>
    public ulong Position => _place.Behind;

    /// <summary>Takes the next events there are.</summary>
    /// <param name="into">Gets them, oldest first.</param>
    /// <param name="lost">Events that are gone before it got them: the ring overtook the reader.</param>
    /// <returns>How many it got.</returns>
    public int Read(Span<NumberedEvent> into, out ulong lost)
    {
        var count = _ring.Read(ref _place, into, out lost);
        _ring.Readers.CountLost(lost);
        return count;
    }

    /// <summary>Done when there is another event, or the ring was closed.</summary>
    public Task NewsAsync() => _ring.NewsAsync(_place.Behind);
}
