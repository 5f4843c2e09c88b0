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
/// A probe on sections of /proc/net/snmp, snmp6, netstat and xfrm_stat: one row per namespace, one column per counter,
/// cells of counters that this kernel does not print absent. The sections come from one pass over all namespaces where
/// the kernel allows it (<see cref="MibPass"/>), else from the files.
/// </summary>
internal abstract class MibProbe : PerNamespaceProbe<MibReader>
{
    private readonly MibPlan _plan;
    private readonly MibSections _sections;

    protected MibProbe(MibSpec spec, ProbeHost host, ProbeSettings settings) : base(spec.Info, host)
    {
        IncludesAll = settings.Get(MibSpec.IncludeAll);
        _plan = new MibPlan(spec, IncludesAll);
        // Of a section without words in this version there is nothing to tell but with include: all.
        var sections = spec.Sections.Select(s => s.Section)
            .Where(s => IncludesAll || spec.Counters.Any(c => c.Section == s));
        _sections = new MibSections(host, [.. sections], IncludesAll && spec.HasTypes);
    }

    protected bool IncludesAll { get; }

    /// <summary>What goes where, for tests that compare with another reader of the kernel's names.</summary>
    internal MibPlan Plan => _plan;

    /// <summary>Learns the running kernel's counters, so that the first row is whole.</summary>
    public override void Start()
    {
        // Collections are numbered from 1: what is read now does not count as read in any of them.
        _sections.Read(Host.Namespaces.Host, 0);
        Learn();
    }

    protected override MibReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(_plan.Table, ns.Namespace, ns.Namespace.StartTime));

    protected override void Collect(MibReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_sections.Read(ns, snapshot))
            return;
        Learn();
        if (reader.Row.Table != _plan.Table)
            reader.Row = new Row(_plan.Table, ns.Namespace, ns.Namespace.StartTime);
        var row = snapshot.Append(reader.Row);
        foreach (var section in _sections.Found)
        {
            if (section is not null)
                _plan.Copy(section, row);
        }
    }

    /// <summary>The namespace's figures of the pass; null where it has to be read by /proc.</summary>
    protected MibFigures? Pass(NamespaceHandle ns, long tick) => _sections.Pass(ns, tick);

    private void Learn()
    {
        foreach (var section in _sections.Found)
        {
            if (section is not null)
                _plan.Learn(section.Layout);
        }
    }
}
