using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>What is known of the ports of one namespace.</summary>
internal sealed class PortReader(NetNamespace ns) : IDisposable
{
    private readonly List<(PortGroup Group, Row Row)> _rows = [];
    private ReservedPortsFile? _reserved;
    private InetDiag? _diag;
    private ConntrackDump? _dump;

    /// <summary>Of its own connections.</summary>
    public PortFill Local { get; } = new();

    /// <summary>Of those that it gives another source.</summary>
    public PortFill Translated { get; } = new();

    /// <summary>When its sockets may be asked for again.</summary>
    public long NextSockets { get; set; }

    /// <summary>The same of connection tracking.</summary>
    public long NextEntries { get; set; }

    /// <summary>
    /// Of this probe alone: a source that is not asked for in each collection would be made again each time.
    /// </summary>
    public PortRangeFile Range { get; } = new();

    /// <summary>It was read.</summary>
    public bool RangeIsKnown { get; set; }

    /// <summary>The collection in which it is read again.</summary>
    public long RangeAt { get; set; }

    public Row? LocalRow { get; set; }

    public Row? TranslatedRow { get; set; }

    /// <summary>The fullest groups.</summary>
    public (PortGroup Group, PortUse Use)[] Top { get; set; } = [];

    /// <summary>How many of these there are.</summary>
    public int TopCount { get; set; }

    public TimeWaitReuseFile Reuse { get; } = new();

    public ReservedPortsFile Reserved => _reserved ??= new ReservedPortsFile();

    /// <summary>Opened by the first question.</summary>
    public InetDiag Diag => _diag ??= new InetDiag();

    public ConntrackDump Dump => _dump ??= new ConntrackDump();

    /// <summary>The row of one of the fullest; new only for one that was not among them.</summary>
    public Row RowOf(in PortGroup group, TableInfo table, SnapshotBuilder snapshot)
    {
        foreach (var (its, row) in _rows)
        {
            if (its == group)
                return row;
        }
        var made = new Row(table, ns, snapshot.StartTimeOfNew(ns.StartTime), AddressRows.AddressText(group.Source),
            AddressRows.AddressText(group.Destination), group.Port);
        _rows.Add((group, made));
        return made;
    }

    /// <summary>Forgets rows of groups that are not among the fullest any more.</summary>
    public void DropRows()
    {
        for (var i = _rows.Count - 1; i >= 0; i--)
        {
            var found = false;
            for (var t = 0; t < TopCount; t++)
                found |= Top[t].Group == _rows[i].Group;
            if (!found)
                _rows.RemoveAt(i);
        }
    }

    /// <summary>Few are in use: nothing is kept open.</summary>
    public void ForgetLocal()
    {
        Local.Forget();
        TopCount = 0;
        _rows.Clear();
        Range.Dispose();
        Reuse.Dispose();
        _reserved?.Dispose();
        _reserved = null;
        _diag?.Dispose();
        _diag = null;
    }

    public void ForgetTranslated()
    {
        Translated.Forget();
        _dump?.Dispose();
        _dump = null;
    }

    public void Dispose()
    {
        ForgetLocal();
        ForgetTranslated();
    }
}
