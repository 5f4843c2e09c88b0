using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Links;

/// <summary>The qdiscs of a namespace that have no row of their own: what they counted and hold, in one row.</summary>
internal sealed class QdiscRest(NetNamespace ns)
{
    private readonly long[] _sums = new long[QdiscState.Counters];
    private long _length;
    private long _backlog;
    private Row? _row;

    /// <summary>Qdiscs without a row.</summary>
    public int Count { get; private set; }

    public void Begin() => (Count, _length, _backlog) = (0, 0, 0);

    public void Add(QdiscState state)
    {
        Count++;
        state.AddToRest(_sums);
        _length += state.Queue.qlen;
        _backlog += state.Queue.backlog;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        if (Count == 0 && _row is null)
            return;
        var writer = snapshot.Append(_row ??= Qdisc.RowOfRest(ns));
        writer.Set(Qdisc.Bytes, _sums[0]);
        writer.Set(Qdisc.Packets, _sums[1]);
        writer.Set(Qdisc.Drops, _sums[2]);
        writer.Set(Qdisc.Overlimits, _sums[3]);
        writer.Set(Qdisc.Requeues, _sums[QdiscState.Requeues]);
        writer.Set(Qdisc.Length, _length);
        writer.Set(Qdisc.Backlog, _backlog);
    }
}
