using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Mib;

/// <summary>What a MIB probe keeps per namespace: its row.</summary>
internal class MibReader(Row row) : IDisposable
{
    public Row Row { get; set; } = row;

    public void Dispose()
    {
    }
}

/// <summary>
/// A probe on sections of /proc/net/snmp, snmp6 and netstat: one row per namespace, one column per counter, cells of
/// counters that this kernel does not print absent.
/// </summary>
internal abstract class MibProbe : PerNamespaceProbe<MibReader>
{
    private readonly MibSpec _spec;
    private readonly MibPlan _plan;
    private readonly MibSection?[] _found;
    private readonly bool _readsSnmp, _readsSnmp6, _readsNetstat;

    protected MibProbe(MibSpec spec, ProbeHost host, ProbeSettings settings) : base(spec.Info, host)
    {
        _spec = spec;
        IncludesAll = settings.Get(MibSpec.IncludeAll);
        _plan = new MibPlan(spec, IncludesAll);
        _found = new MibSection?[spec.Sections.Count];
        _readsSnmp6 = spec.Sections.Any(s => IsIPv6(s.Section));
        _readsNetstat = spec.Sections.Any(s => IsExtension(s.Section));
        _readsSnmp = spec.Sections.Any(s => !IsIPv6(s.Section) && !IsExtension(s.Section));
    }

    protected bool IncludesAll { get; }

    /// <summary>What goes where, for tests that compare with another reader of the kernel's names.</summary>
    internal MibPlan Plan => _plan;

    /// <summary>Learns the running kernel's counters, so that the first row is whole.</summary>
    public override void Start()
    {
        foreach (var rule in _spec.Sections)
        {
            // Collections are numbered from 1: what is read now does not count as read in any of them.
            if (Find(rule.Section, Host.Namespaces.Host, 0) is { } section)
                _plan.Learn(section.Layout);
        }
    }

    protected override MibReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(_plan.Table, ns.Namespace, ns.Namespace.StartTime));

    protected override void Collect(MibReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var any = false;
        for (var i = 0; i < _found.Length; i++)
        {
            _found[i] = Find(_spec.Sections[i].Section, ns, snapshot.Tick);
            if (_found[i] is { } section)
            {
                _plan.Learn(section.Layout);
                any = true;
            }
        }
        ReportFailures(ns, snapshot);
        if (!any)
            return;
        if (reader.Row.Table != _plan.Table)
            reader.Row = new Row(_plan.Table, ns.Namespace, ns.Namespace.StartTime);
        var row = snapshot.Append(reader.Row);
        foreach (var section in _found)
        {
            if (section is not null)
                _plan.Copy(section, row);
        }
    }

    private static MibSection? Find(string section, NamespaceHandle ns, long tick)
    {
        if (IsIPv6(section))
        {
            var snmp6 = ns.Source<Snmp6File>();
            return snmp6.EnsureRead(ns, tick) ? snmp6.Find(section) : null;
        }
        MibFile file = IsExtension(section) ? ns.Source<NetstatFile>() : ns.Source<SnmpFile>();
        return file.EnsureRead(ns, tick) ? file.Find(section) : null;
    }

    /// <summary>Each file that the probe reads reports once, however many sections are taken from it.</summary>
    private void ReportFailures(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (_readsSnmp)
            Report(ns.Source<SnmpFile>(), snapshot);
        if (_readsSnmp6)
            Report(ns.Source<Snmp6File>(), snapshot);
        if (_readsNetstat)
            Report(ns.Source<NetstatFile>(), snapshot);
    }

    private static void Report(NamespaceSource file, SnapshotBuilder snapshot)
    {
        if (file.Failure.Length > 0)
            snapshot.ReadFailed(file.Failure);
    }

    private static bool IsIPv6(string section) => section.EndsWith('6');

    private static bool IsExtension(string section) => section.EndsWith("Ext", StringComparison.Ordinal);
}
