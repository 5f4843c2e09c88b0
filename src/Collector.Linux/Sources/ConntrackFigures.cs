using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

// Mirrors of ebpf-programs/conntrack.bpf.c.

/// <summary>Where a namespace has its counters, and its entries.</summary>
[BpfStruct("conntrack_place")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConntrackPlace
{
    public ulong Net;
    public ulong Counters;
    public uint Entries;
}

/// <summary>What one CPU counts in a namespace, by number of ctnetlink's attribute.</summary>
[BpfStruct("conntrack_counters")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConntrackCounters
{
    public All Values;

    [InlineArray(ConntrackMessage.AttributeCount)]
    internal struct All
    {
        private uint _first;
    }
}

/// <summary>
/// Connection tracking of a namespace as the pass found it. The pass fills it (<see cref="ConntrackPass"/>).
/// </summary>
internal sealed class ConntrackFigures : NamespaceSource
{
    private IReadOnlyList<int> _cpus = [];
    private ConntrackCounters[] _counters = [];
    private uint _sent;
    private long _entries;
    private long _limit;

    /// <summary>The collection that it was filled in.</summary>
    public long Tick { get; private set; } = long.MinValue;

    /// <summary>False where the namespace has no connection tracking.</summary>
    public bool IsPresent { get; private set; }

    /// <summary>In its table.</summary>
    public long Entries => _entries;

    /// <param name="tick">The collection.</param>
    /// <param name="place">What the namespace has once.</param>
    /// <param name="limit">Of the machine.</param>
    /// <param name="cpus">Numbers of the CPUs that follow, in the order in which they do.</param>
    /// <param name="sent">A bit per attribute that ctnetlink would send.</param>
    public void Begin(long tick, in ConntrackPlace place, long limit, IReadOnlyList<int> cpus, uint sent)
    {
        (Tick, _entries, _limit, _cpus, _sent) = (tick, place.Entries, limit, cpus, sent);
        IsPresent = place.Counters != 0;
        if (_counters.Length != cpus.Count)
            _counters = new ConntrackCounters[cpus.Count];
    }

    /// <summary>Takes what a CPU counts.</summary>
    public void Add(int index, in ConntrackCounters counters) => _counters[index] = counters;

    /// <summary>Gives all of it as ctnetlink would.</summary>
    public void CopyTo(PerCpuSums counters, ConntrackLevel level)
    {
        (level.Entries, level.Limit) = (_entries, _limit);
        counters.Begin();
        for (var i = 0; i < _counters.Length; i++)
            counters.Take(_cpus[i], _counters[i].Values, _sent);
    }

    // It is filled before anybody reads it.
    protected override bool Read(NamespaceHandle handle) => true;
}
