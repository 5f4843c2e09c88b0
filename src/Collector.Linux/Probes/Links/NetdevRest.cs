using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;

namespace Collector.Linux.Probes.Links;

/// <summary>
/// The devices of a namespace that have no row of their own: what they counted, in one row that never falls.
/// </summary>
internal sealed class NetdevRest(NetNamespace ns, Netdev probe)
{
    private readonly long[] _sums = new long[NetdevTotal.Columns];
    private Row? _row;

    /// <summary>Devices without a row.</summary>
    public int Count { get; private set; }

    public void Begin() => Count = 0;

    /// <summary>Adds what a device counted since the last look.</summary>
    /// <param name="link">The device.</param>
    /// <param name="counted">Its figures at the last look.</param>
    public void Add(Link link, ReadOnlySpan<long> counted)
    {
        Count++;
        Span<long> now = stackalloc long[NetdevTotal.Columns];
        if (!NetdevTotal.TryRead(link.Statistics, now))
            return;
        for (var i = 0; i < _sums.Length; i++)
            _sums[i] += Math.Max(0, now[i] - counted[i]);
    }

    public void Write(SnapshotBuilder snapshot)
    {
        if (Count == 0 && _row is null)
            return;
        var writer = snapshot.Append(_row ??= probe.RowOfRest(ns));
        for (var i = 0; i < _sums.Length; i++)
            writer.Set(i, _sums[i]);
    }
}
