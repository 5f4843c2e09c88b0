using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>What a program counted with ebpf-programs/include/tcp.h: rows by kind, and a sum per namespace.</summary>
internal sealed class TcpSegmentCounters
{
    private readonly CounterRows _rows;
    private readonly CounterRows _sums;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<TcpKey, TcpValue, SummedRow> _counters;
    private readonly Action<Subject> _forget;

    /// <param name="host">The machine.</param>
    /// <param name="loaded">The program's object.</param>
    /// <param name="table">Of the rows.</param>
    /// <param name="sums">Table of the sums, which every namespace has from its first collection on.</param>
    /// <param name="tags">Of a new row, by its <see cref="Numbers"/>.</param>
    public TcpSegmentCounters(
        ProbeHost host, BpfObject loaded, TableInfo table, TableInfo sums, Func<long, long, TagValue[]> tags)
    {
        var since = KernelClock.UnixNow();
        _rows = new CounterRows(table, since, tags);
        _sums = new CounterRows(sums, since, static (_, _) => []);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var map = loaded.Map("counters");
        _counters = new(map, _namespaces, new(loaded, SharedMap.Counters, map))
        {
            Meet = Meet,
            Add = static (in _, in value, row) => row.Add(value.Segments),
            EventKey = KeyOf,
        };
        _forget = Forget;
    }

    /// <summary>What tells rows of a namespace apart.</summary>
    public required Func<TcpKey, (long Kind, long Detail)> Numbers { get; init; }

    /// <summary>Which events the kernel side held back.</summary>
    public required Func<TcpKey, EventKey?> EventKey { get; init; }

    /// <summary>Whether the namespace's sum has it as well.</summary>
    public Func<TcpKey, bool> IsInSum { get; init; } = static _ => true;

    public void Collect(SnapshotBuilder snapshot, IEventSink events)
    {
        _namespaces.Begin(snapshot.Moment, _counters.Scarce, _forget);
        _rows.Begin();
        _sums.Begin();
        _namespaces.Cover(_sums);
        if (!_counters.TryRead(snapshot, events))
            return;
        _rows.Write(snapshot);
        _sums.Write(snapshot);
    }

    // The program counts nothing without a namespace.
    private SummedRow? Meet(TcpKey key, Subject? ns)
    {
        if (ns is null)
            return null;
        var (kind, detail) = Numbers(key);
        return new SummedRow(_rows.Of(ns, kind, detail), IsInSum(key) ? _sums.Of(ns) : null);
    }

    private EventKey? KeyOf(TcpKey key) => EventKey(key);

    private void Forget(Subject ns)
    {
        _rows.Drop(ns);
        _sums.Drop(ns);
    }
}
