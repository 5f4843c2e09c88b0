using System.Buffers.Text;
using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>
/// Which process has a socket open, by the links of its descriptors: of those in the socket's namespace, else of the
/// others; where several have it, the one with the smallest id. Belongs to the thread that resolves events.
/// </summary>
internal sealed class SocketHolders(KernelPaths paths) : IDisposable
{
    private const int MostKnown = 1024;

    /// <summary>A search is dear: what was not found is not looked for again.</summary>
    private const int Nobody = 0;

    private readonly Dictionary<ulong, int> _known = [];
    private readonly List<int> _processes = [];
    private readonly byte[] _comm = new byte[64];
    private readonly Lock _gate = new();
    private ProcFolder? _proc;
    private bool _disposed;

    /// <summary>The process; null where none is to be seen.</summary>
    /// <param name="socket">The socket's inode.</param>
    /// <param name="netns">Its network namespace.</param>
    public EventProcess? Find(ulong socket, ulong netns)
    {
        // The probe may end while an event of it is described.
        lock (_gate)
        {
            try
            {
                return _disposed || socket == 0 ? null : Find(_proc ??= new ProcFolder(paths), socket, netns);
            }
            catch (LinuxException)
            {
                return null; // No /proc: fd and io say so.
            }
        }
    }

    private EventProcess? Find(ProcFolder proc, ulong socket, ulong netns)
    {
        if (_known.TryGetValue(socket, out var known) && (known == Nobody || Has(proc, known, socket)))
            return Describe(proc, known);
        if (_known.Count >= MostKnown)
            _known.Clear();
        List(proc);
        var holder = Search(proc, socket, netns, inside: true);
        if (holder == Nobody)
            holder = Search(proc, socket, netns, inside: false);
        _known[socket] = holder;
        return Describe(proc, holder);
    }

    private int Search(ProcFolder proc, ulong socket, ulong netns, bool inside)
    {
        foreach (var pid in _processes)
        {
            if (proc.NetNamespaceOf(pid, out _) == netns == inside && Has(proc, pid, socket))
                return pid;
        }
        return Nobody;
    }

    // First all of them: walks share a buffer.
    private void List(ProcFolder proc)
    {
        _processes.Clear();
        var entries = proc.Entries;
        while (entries.TryNext(out _, out var name))
        {
            if (Utf8Parser.TryParse(name, out int pid, out var used) && used == name.Length)
                _processes.Add(pid);
        }
        _processes.Sort();
    }

    private static bool Has(ProcFolder proc, int pid, ulong socket)
    {
        if (!proc.TryOpen(pid, "/fd\0"u8, O_DIRECTORY, out var folder, out _))
            return false;
        var has = false;
        var entries = proc.EntriesOf(folder);
        while (!has && entries.TryNext(out _, out var name))
            has = SocketLink.Inode(folder, name) == socket;
        _ = close(folder);
        return has;
    }

    private EventProcess? Describe(ProcFolder proc, int pid)
    {
        var n = pid == Nobody ? 0 : proc.Read(pid, "/comm\0"u8, _comm, out _);
        return n <= 0 ? null : new EventProcess(pid, pid, NamePool.Of(_comm.AsSpan(0, n).TrimEnd((byte)'\n')));
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _proc?.Dispose();
        }
    }
}
