using System.Globalization;

namespace Collector.Worker.Watch;

/// <summary>
/// Where to go on after a connection broke: behind the newest number, which no clock that is set back confuses. An
/// older agent does not say of which run its numbers are: there by time, with a little asked for twice, because events
/// come a little out of order, and what was there already is known again.
/// </summary>
internal sealed class RecentLines
{
    private const int Most = 4096;

    /// <summary>Nanoseconds by which one processor's report may come behind another's.</summary>
    private const long Overlap = 2_000_000_000;

    private readonly Queue<(ulong Sequence, long Time)> _order = new();
    private readonly HashSet<(ulong Sequence, long Time)> _known = [];
    private DateTimeOffset? _firstContact;
    private long? _newest;
    private ulong? _number;

    /// <summary>Whose the numbers are; null where the agent does not say.</summary>
    public string? Run { get; private set; }

    /// <summary>A stream begins.</summary>
    /// <param name="run">The agent's run; null: an older agent.</param>
    /// <param name="behind">The number behind which it begins; null where there may be older ones to ask for.</param>
    /// <param name="date">The agent's time.</param>
    public void Begin(string? run, ulong? behind, DateTimeOffset? date)
    {
        _firstContact ??= date;
        if (run != Run)
            _number = null;
        Run = run;
        _number ??= behind;
    }

    private static DateTimeOffset? Before(DateTimeOffset time, TimeSpan past) =>
        past < time - DateTimeOffset.UnixEpoch ? time - past : DateTimeOffset.UnixEpoch;

    /// <summary>False for one that was there before.</summary>
    public bool Add(WatchLine line)
    {
        if (!_known.Add((line.Sequence, line.Time)))
            return false;
        _order.Enqueue((line.Sequence, line.Time));
        if (_order.Count > Most)
            _known.Remove(_order.Dequeue());
        _newest = Math.Max(_newest ?? long.MinValue, line.Time);
        _number = Math.Max(_number ?? 0, line.Sequence);
        return true;
    }

    /// <summary>Where to go on from: a number, or a time in RFC 3339; null: as at the first time.</summary>
    /// <param name="past">How far back from the first contact was asked for; null: no further.</param>
    public string? Since(TimeSpan? past = null)
    {
        if (Run is not null && (_number is not null || past is null))
            return _number?.ToString(CultureInfo.InvariantCulture);
        var from = _newest is { } newest
            ? DateTimeOffset.UnixEpoch.AddTicks((newest - Overlap) / 100)
            : _firstContact is { } first ? Before(first, past ?? TimeSpan.Zero) : null;
        return from?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
    }
}
