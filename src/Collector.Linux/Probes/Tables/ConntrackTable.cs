using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Tables;

/// <summary>Connection tracking of one namespace.</summary>
public sealed class ConntrackTable : IDisposable
{
    // Where conntrack is absent it is looked for again this often, in collections: a rule may load it any time.
    private const int Pause = 16;

    private readonly Row _row;
    private readonly ConntrackDiag _diag = new();
    private readonly PerCpuSums _counters = new();
    private readonly ConntrackLevel _level = new();
    private readonly ConntrackWatch _watch;
    private ProcFile? _limitFile;
    private long _lookAt;
    private bool _inUse;

    internal ConntrackTable(NetNamespace ns, Conntrack probe, long warn)
    {
        _watch = new ConntrackWatch(warn);
        _row = probe.RowOf(ns);
        _inUse = ns.IsHost;
    }

    /// <summary>True where the namespace has connection tracking. Asking loads nothing.</summary>
    internal static bool IsPresent(NamespaceHandle ns)
    {
        try
        {
            ns.OpenFile(Conntrack.LimitFile).Dispose();
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    /// <summary>
    /// False where there is nothing to write: absent, which is normal, or not readable, which is reported.
    /// </summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="snapshot">The collection.</param>
    /// <param name="pass">Has it, perhaps.</param>
    internal bool Read(NamespaceHandle ns, SnapshotBuilder snapshot, ConntrackPass pass)
    {
        if (pass.Read(ns, snapshot.Tick) is { } figures)
            return Take(figures);
        if (_limitFile is null && !FindLimitFile(ns, snapshot))
            return false;
        if (_diag.Ask(ns, _counters, _level))
        {
            _counters.Commit();
            if (_level.Limit < 0)
                ReadLimit(ns);
            return true;
        }
        snapshot.ReadFailed(_diag.Failure);
        return false;
    }

    private bool Take(ConntrackFigures figures)
    {
        if (!figures.IsPresent)
            return false;
        figures.CopyTo(_counters, _level);
        _counters.Commit();
        return true;
    }

    /// <summary>
    /// Nothing while nothing was ever tracked here: the limit is there wherever the module is loaded, the hooks only
    /// where a rule asks for them. An entry comes before any counter does.
    /// </summary>
    internal void Write(SnapshotBuilder snapshot)
    {
        _inUse = _inUse || _level.Entries > 0 || _counters.Totals.ContainsAnyInRange(1, long.MaxValue);
        if (_inUse)
            Conntrack.Write(_row, snapshot, _level.Entries, _level.Limit, _counters.Totals);
    }

    /// <summary>Reports what is wrong with what was read.</summary>
    internal void Watch(NamespaceHandle ns, ConntrackReport report) => _watch.Look(
        _level.Entries, _level.Limit, _counters.Totals, new(KernelClock.Monotonic(), ns.Namespace), report);

    private bool FindLimitFile(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (snapshot.Tick < _lookAt)
            return false;
        try
        {
            _limitFile = ns.OpenFile(Conntrack.LimitFile);
            return true;
        }
        catch (LinuxException e)
        {
            _lookAt = snapshot.Tick + Pause;
            // Not to have it is normal; not to be let in is not to know.
            if (e.Errno != ENOENT)
                snapshot.ReadFailed(e.Errno.ToString());
            return false;
        }
    }

    // CTA_STATS_GLOBAL_MAX_ENTRIES is new in Linux 4.20.
    private void ReadLimit(NamespaceHandle ns)
    {
        if (ns.Buffer.TryRead(_limitFile!, out var text, out _)
            && FieldReader.TryParse(text.TrimEnd("\n"u8), out var limit))
            _level.Limit = limit;
    }

    public void Dispose()
    {
        _diag.Dispose();
        _limitFile?.Dispose();
    }
}
