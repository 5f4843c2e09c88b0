namespace Collector.Worker.Watch;

/// <summary>
/// Where to go on after a connection broke: numbers of events begin anew when an agent does, times do not. A little is
/// asked for twice, because events come a little out of order, and what was there already is known again.
/// </summary>
internal sealed class RecentLines
{
    private const int Most = 4096;

    /// <summary>Nanoseconds by which one processor's report may come behind another's.</summary>
    private const long Overlap = 2_000_000_000;

    private readonly Queue<(ulong Sequence, long Time)> _order = new();
    private readonly HashSet<(ulong Sequence, long Time)> _known = [];
    private long? _newest;

    /// <summary>Where there was no event yet: when the agent was first talked to, by its own clock.</summary>
    public DateTimeOffset? FirstContact { get; set; }

    /// <summary>False for one that was there before.</summary>
    public bool Add(WatchLine line)
    {
        if (!_known.Add((line.Sequence, line.Time)))
            return false;
        _order.Enqueue((line.Sequence, line.Time));
        if (_order.Count > Most)
            _known.Remove(_order.Dequeue());
        _newest = Math.Max(_newest ?? long.MinValue, line.Time);
        return true;
    }

    /// <summary>The time to go on from, in RFC 3339; null where there was no contact.</summary>
    public string? Since()
    {
        var from = _newest is { } newest ? DateTimeOffset.UnixEpoch.AddTicks((newest - Overlap) / 100) : FirstContact;
        return from?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ",
            System.Globalization.CultureInfo.InvariantCulture);
    }
}
