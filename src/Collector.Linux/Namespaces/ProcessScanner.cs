using System.Buffers.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Processes;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// Looks which network namespace processes are in, at a cost that follows the births of processes and not their
/// number: process ids are handed out in order, so those between the last one seen and the last one handed out are
/// the new ones. Each is looked at in two successive scans, because a process often enters its namespace just after its
/// birth. Older ones, which may call unshare late, are looked at in slices: all of them in two scans, up to some
/// thousand processes.
/// </summary>
internal sealed class ProcessScanner : IDisposable
{
    /// <summary>Older processes that a scan looks at: at least, and at most.</summary>
    private const int Slice = 256;
    private const int LargestSlice = 4096;

    private readonly ProcFolder? _proc;
    private readonly ProcFile? _loadAverage;
    private readonly ReadBuffer _buffer = new();
    private readonly List<int> _known = [];
    private readonly List<int> _suspects = [];
    private bool _skipSlice;
    private int _next;
    private int _last;
    private int _beforeLast;
    private bool _started;

    public ProcessScanner(KernelPaths paths)
    {
        if (paths.Recorded)
            return;
        _proc = new ProcFolder(paths);
        // The last process id is that of the reader's pid namespace: of no use for another one's /proc, where we either
        // are not (no "self") or have another process id.
        if (NumberOfSelf(paths.Proc) == Environment.ProcessId)
            _loadAverage = TryOpen($"{paths.Proc}/loadavg");
    }

    // A /proc of processes only (subset=pid) has no such file.
    private static ProcFile? TryOpen(string path)
    {
        try
        {
            return ProcFile.Open(path);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private static int NumberOfSelf(string proc) =>
        int.TryParse(new FileInfo($"{proc}/self").LinkTarget, out var pid) ? pid : 0;

    /// <summary>Links read since the start.</summary>
    public long Examined { get; private set; }

    /// <summary>Looks at what may be new since the last scan, and at a slice of the rest.</summary>
    public void ScanRecent(Action<int, ulong> found)
    {
        var last = LastPid();
        var from = _beforeLast;
        if (!_started || last == 0 || last < from || last - from > Math.Max(_known.Count, Slice))
        {
            ScanAll(found);
        }
        else
        {
            for (var pid = from + 1; pid <= last; pid++)
                Look(pid, found);
            // More than there is room for: as if nobody had told.
            if (!_skipSlice || _suspects.Count == LargestSlice)
                ScanSlice(found);
        }
        // One may be a thread, which no list of processes has.
        foreach (var pid in _suspects)
            Look(pid, found);
        _suspects.Clear();
        _skipSlice = false;
        _started = true;
        _beforeLast = _last;
        _last = last;
    }

    /// <summary>Looks at this one with the next scan.</summary>
    public void Suspect(int pid)
    {
        if (_suspects.Count < LargestSlice)
            _suspects.Add(pid);
    }

    /// <summary>Who is not suspected need not be looked at by the next scan.</summary>
    public void SkipSlice() => _skipSlice = true;

    /// <summary>Looks at every process.</summary>
    public void ScanAll(Action<int, ulong> found)
    {
        // The slices go on where they were: who walks may be looking for the living only.
        ListProcesses();
        _next = Math.Min(_next, _known.Count);
        foreach (var pid in _known)
            Look(pid, found);
    }

    /// <summary>Inode of a process's network namespace; 0 when the process is gone or not ours to see.</summary>
    public ulong InodeOf(int pid) => InodeOf(pid, out _);

    private ulong InodeOf(int pid, out Errno error)
    {
        error = Errno.None;
        if (_proc is null)
            return 0;
        Examined++;
        return _proc.NetNamespaceOf(pid, out error);
    }

    private void ScanSlice(Action<int, ulong> found)
    {
        if (_next >= _known.Count)
        {
            ListProcesses();
            _next = 0;
        }
        var end = Math.Min(_known.Count, _next + Math.Clamp((_known.Count + 1) / 2, Slice, LargestSlice));
        for (; _next < end; _next++)
            Look(_known[_next], found);
    }

    private void Look(int pid, Action<int, ulong> found)
    {
        var inode = InodeOf(pid, out var error);
        if (inode == 0 && error == ENOENT && _proc!.LivingThread(pid) is > 0 and var thread)
        {
            pid = thread;
            inode = InodeOf(pid, out _);
        }
        if (inode != 0)
            found(pid, inode);
    }

    private void ListProcesses()
    {
        _known.Clear();
        var entries = _proc!.Entries;
        while (entries.TryNext(out _, out var name))
        {
            if (Utf8Parser.TryParse(name, out int pid, out var used) && used == name.Length)
                _known.Add(pid);
        }
    }

    // "0.10 0.20 0.30 1/234 5678": the last field is the process id handed out last (fs/proc/loadavg.c).
    private int LastPid()
    {
        if (_loadAverage is null || !_buffer.TryRead(_loadAverage, out var text, out _))
            return 0;
        text = text.TrimEnd((byte)'\n');
        return Utf8Parser.TryParse(text[(text.LastIndexOf((byte)' ') + 1)..], out int pid, out _) ? pid : 0;
    }

    public void Dispose()
    {
        _proc?.Dispose();
        _loadAverage?.Dispose();
    }
}
