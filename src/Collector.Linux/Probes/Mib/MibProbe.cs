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
/// counters that this kernel does not print absent. The sections come from one pass over all namespaces where the
/// kernel allows it (<see cref="MibPass"/>), else from the files.
/// </summary>
internal abstract class MibProbe : PerNamespaceProbe<MibReader>
{
    private readonly MibPlan _plan;
    private readonly string[] _sections;
    private readonly MibSection?[] _found;
    private readonly MibWish _wish;
    private bool _readSnmp, _readSnmp6, _readNetstat;

    protected MibProbe(MibSpec spec, ProbeHost host, ProbeSettings settings) : base(spec.Info, host)
    {
        IncludesAll = settings.Get(MibSpec.IncludeAll);
        _plan = new MibPlan(spec, IncludesAll);
        // Of a section without words in this version there is nothing to tell but with include: all.
        _sections = [.. spec.Sections.Select(s => s.Section)
            .Where(s => IncludesAll || spec.Counters.Any(c => c.Section == s))];
        _found = new MibSection?[_sections.Length];
        _wish = MibWish.Of(_sections, IncludesAll && spec.HasTypes);
    }

    protected bool IncludesAll { get; }

    /// <summary>What goes where, for tests that compare with another reader of the kernel's names.</summary>
    internal MibPlan Plan => _plan;

    /// <summary>Learns the running kernel's counters, so that the first row is whole.</summary>
    public override void Start()
    {
        // Collections are numbered from 1: what is read now does not count as read in any of them.
        var pass = Pass(Host.Namespaces.Host, 0);
        foreach (var name in _sections)
        {
            if (Find(pass, name, Host.Namespaces.Host, 0) is { } section)
                _plan.Learn(section.Layout);
        }
    }

    protected override MibReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(_plan.Table, ns.Namespace, ns.Namespace.StartTime));

    protected override void Collect(MibReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var any = false;
        _readSnmp = _readSnmp6 = _readNetstat = false;
        var pass = Pass(ns, snapshot.Tick);
        for (var i = 0; i < _found.Length; i++)
        {
            _found[i] = Find(pass, _sections[i], ns, snapshot.Tick);
            if (_found[i] is { } section)
            {
                _plan.Learn(section.Layout);
                any = true;
            }
        }
        ReportFailures(pass, ns, snapshot);
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

    /// <summary>The namespace's figures of the pass; null where it has to be read by /proc.</summary>
    protected MibFigures? Pass(NamespaceHandle ns, long tick) => Host.Mib.Read(ns, tick, _wish);

    private MibSection? Find(MibFigures? pass, string section, NamespaceHandle ns, long tick)
    {
        if (pass is not null && pass.TryFind(section, out var found))
            return found;
        if (IsIPv6(section))
        {
            _readSnmp6 = true;
            var snmp6 = ns.Source<Snmp6File>();
            return snmp6.EnsureRead(ns, tick) ? snmp6.Find(section) : null;
        }
        var extension = IsExtension(section);
        (_readNetstat, _readSnmp) = (_readNetstat || extension, _readSnmp || !extension);
        MibFile file = extension ? ns.Source<NetstatFile>() : ns.Source<SnmpFile>();
        return file.EnsureRead(ns, tick) ? file.Find(section) : null;
    }

    /// <summary>Each source that the probe read reports once, however many sections are taken from it.</summary>
    private void ReportFailures(MibFigures? pass, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (pass is not null)
            Report(pass, snapshot);
        if (_readSnmp)
            Report(ns.Source<SnmpFile>(), snapshot);
        if (_readSnmp6)
            Report(ns.Source<Snmp6File>(), snapshot);
        if (_readNetstat)
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
