using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Netlink;

namespace Collector.Linux.Probes.Common;

/// <summary>The sockets of one row, added up.</summary>
internal sealed class AddressGroup(AddressColumns columns)
{
    private long _depth;
    private long _limit;
    private long _fullest;
    private long _fullestLimit;
    private long _drops = -1;
    private long _halfOpen;

    public Row? Row { get; set; }

    public long Start { get; init; }

    public string? Device { get; set; }

    public long Tick { get; private set; }

    public int Count { get; private set; }

    public void Begin(long tick)
    {
        Tick = tick;
        Count = 0;
        _depth = 0;
        _limit = 0;
        _fullest = 0;
        _fullestLimit = -1;
        _halfOpen = -1;
    }

    public void Add(ref SocketMessage socket, long growth)
    {
        Count++;
        _depth += socket.ReceiveQueue;
        _limit += socket.Limit;
        // One more than the limit fits. Of sockets that are equally full the one with more room tells more.
        var fuller = socket.ReceiveQueue * (_fullestLimit + 1) - _fullest * (socket.Limit + 1L);
        if (fuller > 0 || (fuller == 0 && socket.Limit > _fullestLimit))
            (_fullest, _fullestLimit) = (socket.ReceiveQueue, socket.Limit);
        if (socket.HalfOpen >= 0)
            _halfOpen = Math.Max(_halfOpen, 0) + socket.HalfOpen;
        if (growth >= 0)
            _drops = Math.Max(_drops, 0) + growth;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(Row!);
        writer.Set(columns.Usage, _depth);
        writer.Set(columns.Limit, _limit);
        writer.Set(columns.Fullest, _fullest);
        writer.Set(columns.FullestLimit, _fullestLimit);
        if (columns.Sockets is { } sockets)
            writer.Set(sockets, Count);
        if (_drops >= 0)
            writer.Set(columns.Drops, _drops);
        if (columns.HalfOpen is { } half && _halfOpen >= 0)
            writer.Set(half, _halfOpen);
    }
}
