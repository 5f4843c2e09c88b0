using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Sections of /proc/net/snmp, snmp6, netstat and xfrm_stat that a probe reads of each namespace: from one pass over
/// all of them where the kernel allows it (<see cref="MibPass"/>), else from the files.
/// </summary>
/// <param name="host">The machine.</param>
/// <param name="names">The kernel's names of the sections.</param>
/// <param name="allTypes">ICMP messages by type are wanted too.</param>
internal sealed class MibSections(ProbeHost host, string[] names, bool allTypes)
{
    private readonly MibSection?[] _found = new MibSection?[names.Length];
    private readonly MibWish _wish = MibWish.Of(names, allTypes);
    private bool _readSnmp, _readSnmp6, _readNetstat, _readXfrm;

    /// <summary>In the order of the names; null what a namespace does not have. Valid until the next reading.</summary>
    public ReadOnlySpan<MibSection?> Found => _found;

    /// <summary>Reads what a namespace has; each source that was asked reports a failure once.</summary>
    /// <returns>False: it has none of them.</returns>
    public bool Read(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var pass = Read(ns, snapshot.Tick);
        if (pass is not null)
            Report(pass, snapshot);
        if (_readSnmp)
            Report(ns.Source<SnmpFile>(), snapshot);
        if (_readSnmp6)
            Report(ns.Source<Snmp6File>(), snapshot);
        if (_readNetstat)
            Report(ns.Source<NetstatFile>(), snapshot);
        if (_readXfrm)
            Report(ns.Source<XfrmFile>(), snapshot);
        foreach (var section in _found)
        {
            if (section is not null)
                return true;
        }
        return false;
    }

    /// <summary>The same outside a collection.</summary>
    /// <returns>The figures of the pass; null where it was read by /proc.</returns>
    public MibFigures? Read(NamespaceHandle ns, long tick)
    {
        _readSnmp = _readSnmp6 = _readNetstat = _readXfrm = false;
        var pass = Pass(ns, tick);
        for (var i = 0; i < _found.Length; i++)
            _found[i] = Find(pass, names[i], ns, tick);
        return pass;
    }

    /// <summary>The namespace's figures of the pass; null where it has to be read by /proc.</summary>
    public MibFigures? Pass(NamespaceHandle ns, long tick) => host.Mib.Read(ns, tick, _wish);

    private MibSection? Find(MibFigures? pass, string section, NamespaceHandle ns, long tick)
    {
        if (pass is not null && pass.TryFind(section, out var found))
            return found;
        if (IsIPv6(section))
        {
            _readSnmp6 = true;
            return Find(ns.Source<Snmp6File>(), section, ns, tick);
        }
        if (section == XfrmFile.Section)
        {
            _readXfrm = true;
            return Find(ns.Source<XfrmFile>(), section, ns, tick);
        }
        var extension = IsExtension(section);
        (_readNetstat, _readSnmp) = (_readNetstat || extension, _readSnmp || !extension);
        MibFile file = extension ? ns.Source<NetstatFile>() : ns.Source<SnmpFile>();
        return file.EnsureRead(ns, tick) ? file.Find(section) : null;
    }

    private static MibSection? Find(MibLines file, string section, NamespaceHandle ns, long tick) =>
        file.EnsureRead(ns, tick) ? file.Find(section) : null;

    private static void Report(NamespaceSource file, SnapshotBuilder snapshot)
    {
        if (file.Failure.Length > 0)
            snapshot.ReadFailed(file.Failure);
    }

    private static bool IsIPv6(string section) => section.EndsWith('6');

    private static bool IsExtension(string section) => section.EndsWith("Ext", StringComparison.Ordinal);
}
