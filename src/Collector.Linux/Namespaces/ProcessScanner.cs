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
/// birth. Older ones, which may call unshare late, are looked at in slices.
/// </summary>
internal sealed class ProcessScanner : IDisposable
{
    private const int Slice = 256;

    private readonly string _proc;
    private readonly SafeFd? _folder;
    private readonly ProcFile? _loadAverage;
    private readonly ReadBuffer _buffer = new();
    private readonly byte[] _name = new byte[32];
    private readonly byte[] _entries = GC.AllocateUninitializedArray<byte>(32 * 1024, pinned: true);
    private readonly List<int> _known = [];
    private int _next;
    private int _last;
    private int _beforeLast;
    private bool _started;

    public ProcessScanner(KernelPaths paths)
    {
        _proc = paths.Proc;
        if (paths.Recorded)
            return;
        _folder = SafeFd.Open(_proc, O_DIRECTORY);
        // The last process id is that of the reader's pid namespace: of no use for another one's /proc, where we either
        // are not (no "self") or have another process id.
        if (NumberOfSelf() == Environment.ProcessId)
            _loadAverage = TryOpen($"{_proc}/loadavg");
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

    private int NumberOfSelf() =>
        int.TryParse(new FileInfo($"{_proc}/self").LinkTarget, out var pid) ? pid : 0;

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
            ScanSlice(found);
        }
        _started = true;
        _beforeLast = _last;
        _last = last;
    }

    /// <summary>Looks at every process.</summary>
    public void ScanAll(Action<int, ulong> found)
    {
        ListProcesses();
        _next = _known.Count;
        foreach (var pid in _known)
            Look(pid, found);
    }

    /// <summary>Inode of a process's network namespace; 0 when the process is gone or not ours to see.</summary>
    public ulong InodeOf(int pid)
    {
        if (_folder is null)
            return 0;
        Examined++;
        Utf8Formatter.TryFormat(pid, _name, out var n);
        "/ns/net\0"u8.CopyTo(_name.AsSpan(n));
        return NsLink.Inode(_folder.Value, _name);
    }

    private void ScanSlice(Action<int, ulong> found)
    {
        if (_next >= _known.Count)
        {
            ListProcesses();
            _next = 0;
        }
        var end = Math.Min(_known.Count, _next + Slice);
        for (; _next < end; _next++)
            Look(_known[_next], found);
    }

    private void Look(int pid, Action<int, ulong> found)
    {
        var inode = InodeOf(pid);
        if (inode != 0)
            found(pid, inode);
    }

    private void ListProcesses()
    {
        _known.Clear();
        var entries = new FolderEntries(_folder!.Value, _entries);
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
        _folder?.Dispose();
        _loadAverage?.Dispose();
    }
}
