using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Ports;

/// <summary>The fullest groups of a namespace, and their rows.</summary>
/// <param name="ns">The namespace.</param>
/// <param name="most">How many there are at most.</param>
internal sealed class FullestGroups(NetNamespace ns, int most)
{
    private readonly (PortGroup Group, PortUse Use)[] _groups = new (PortGroup, PortUse)[most];
    private readonly List<(PortGroup Group, Row Row)> _rows = [];
    private int _count;

    /// <summary>The fullest first.</summary>
    public ReadOnlySpan<(PortGroup Group, PortUse Use)> All => _groups.AsSpan(0, _count);

    /// <summary>Takes them instead of those before.</summary>
    public void Take(PortGroups groups)
    {
        _count = groups.Fullest(_groups);
        DropRows();
    }

    public void Clear()
    {
        _count = 0;
        _rows.Clear();
    }

    /// <summary>The row of one of them; new only for one that was not among them.</summary>
    public Row RowOf(in PortGroup group, TableInfo table, SnapshotBuilder snapshot)
    {
        foreach (var (its, row) in _rows)
        {
            if (its == group)
                return row;
        }
        var isUdp = group.Protocol == SockDiag.IPPROTO_UDP;
        var made = new Row(table, ns, snapshot.StartTimeOfNew(ns.StartTime), AddressRows.AddressText(group.Source),
            isUdp ? "" : AddressRows.AddressText(group.Destination), isUdp ? "" : new TagValue(group.Port),
            isUdp ? "udp" : "tcp");
        _rows.Add((group, made));
        return made;
    }

    private void DropRows()
    {
        for (var i = _rows.Count - 1; i >= 0; i--)
        {
            var found = false;
            foreach (ref readonly var one in All)
                found |= one.Group == _rows[i].Group;
            if (!found)
                _rows.RemoveAt(i);
        }
    }
}
