using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>A place in the spool, and what was lost on the way there.</summary>
/// <param name="Number">Of the next record.</param>
/// <param name="Offset">Of it in its segment.</param>
/// <param name="Aged">Records that were too old.</param>
/// <param name="Corrupt">Records that could not be read.</param>
internal readonly record struct SpoolPlace(ulong Number, long Offset, long Aged = 0, long Corrupt = 0);

/// <summary>The oldest events of the spool, all of one segment, while they are sent.</summary>
internal sealed class SpoolBatch(SpoolPlace begin)
{
    private readonly SpoolPlace _begin = begin;
    private readonly List<SpoolPlace> _behind = [];
    private readonly List<NetworkEvent> _events = [];

    public int Count => _events.Count;

    /// <summary>Behind everything that was looked at.</summary>
    public SpoolPlace End { get; set; } = begin;

    public NetworkEvent[] ToArray() => [.. _events];

    public void Add(NetworkEvent e)
    {
        _events.Add(e);
        _behind.Add(End);
    }

    /// <summary>Behind the first so many events.</summary>
    public SpoolPlace After(int events) => events >= Count ? End : events == 0 ? _begin : _behind[events - 1];
}
