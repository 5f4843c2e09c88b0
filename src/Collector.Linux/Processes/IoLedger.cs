using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>
/// Turns the readings of /proc/PID/io, or what the kernel tells of all processes at once, into what each process added
/// since the last collection, every call and byte once, whoever lives, dies or is reaped.
/// </summary>
/// <remarks>
/// <para>
/// When a process reaps a child, the kernel adds the child's whole past to the parent (kernel/exit.c,
/// wait_task_zombie). What was counted while the child lived would count again, so it is taken off the parent's
/// difference; the rest, from the last look until the child's end, stays with the parent. A child that the kernel
/// reaps by itself (SIGCHLD ignored) gives its parent nothing, and its last moments are in no file any more.
/// </para>
/// <para>
/// Parents are read before their children. A child that vanishes between the two readings is then found missing now
/// and in its parent's difference next time; in the other order it could be counted twice before it is missed.
/// What the kernel tells is in the order of the ids: who has a smaller one than his parent is read from the file.
/// </para>
/// </remarks>
internal sealed class IoLedger(ProcessTable table)
{
    private const int DeepestTree = 128;
    private readonly List<Process> _lost = [];
    private readonly List<Process> _waiting = [];
    private readonly byte[] _status = new byte[8 * 1024];
    private long _tick = -1;
    private bool _begun;
    private long _newestAtBegin;

    /// <summary>True: begin with what processes did before the first collection, instead of at zero.</summary>
    public bool Lifetime { get; init; }

    /// <summary>
    /// Reads every process; then each process of the table with a group has its <see cref="IoState.Delta"/>.
    /// </summary>
    public void Update(SnapshotBuilder snapshot)
    {
        _tick = snapshot.Tick;
        foreach (var process in table.Gone)
            Lose(process);
        foreach (var process in table.Live)
        {
            if (!_begun)
                NoteAtBegin(process);
            Read(process, snapshot, 0);
        }
        Settle();
        _begun = true;
    }

    private void NoteAtBegin(Process process)
    {
        process.Io.OlderThan = this;
        _newestAtBegin = Math.Max(_newestAtBegin, process.StartTicks);
    }

    /// <summary>True when the process was read in this collection.</summary>
    public bool HasDelta(Process process) => process.Io.Owner == this && process.Io.Tick == _tick;

    private void Read(Process process, SnapshotBuilder snapshot, int depth)
    {
        ref var io = ref process.Io;
        if (io.Visited == _tick)
            return;
        io.Visited = _tick;
        if (process.Parent is { Gone: false } parent && depth < DeepestTree)
            Read(parent, snapshot, depth + 1);
        if (process.Group is null)
        {
            if (process.Denied)
                snapshot.ReadFailed("permission");
            return;
        }
        if (IsTold(process))
        {
            io.ToldAt = _tick;
            Count(process, process.Told.Io);
            return;
        }
        Span<byte> text = stackalloc byte[512];
        var n = table.Folder.Read(process.Pid, "/io\0"u8, text, out var error);
        if (n >= 0 && IoCounters.TryParse(text[..n], out var now))
            Count(process, now);
        else if (n >= 0)
            snapshot.ReadFailed("format");
        else if (error.IsAny(ENOENT, ESRCH))
            Lose(process);
        else
            snapshot.ReadFailed(error.IsAny(EACCES, EPERM) ? "permission" : error.ToString());
    }

    // The parent's reading was before: from the kernel too, or there is none.
    private bool IsTold(Process process) => table.IsTold(process, TaskFigures.Io)
        && (process.Parent is not { Gone: false, Group: not null } parent
            || (parent.Pid < process.Pid && parent.Io.ToldAt == _tick));

    private void Count(Process process, IoCounters now)
    {
        ref var io = ref process.Io;
        if (io.Owner != this)
        {
            // Born since the first collection: all of it is new. Older than that, even if it could be read or placed
            // only now (no descriptors, a namespace opened late): only what follows counts.
            var born = _begun && io.OlderThan != this && process.StartTicks >= _newestAtBegin;
            io.Last = born || Lifetime ? default : now;
            io.Owner = this;
        }
        else if (!now.Covers(io.Last) && !table.IsSame(process))
        {
            // Another process of that id, which the walk took for this one. It looks again by itself next time.
            process.Inode = 0;
            return;
        }
        io.Delta = now.GrowthSince(io.Last);
        io.Last = now;
        io.Tick = _tick;
    }

    private void Lose(Process process)
    {
        if (process.Io.Owner != this)
            return;
        process.Io.Owner = null;
        if (!process.Io.Last.IsZero)
            _lost.Add(process);
    }

    // A reaping that a parent's reading just missed shows in the next one: those wait once.
    private void Settle()
    {
        foreach (var process in _waiting)
            TakeOffReaper(process);
        _waiting.Clear();
        // The older first: a parent that died with its child is surer to be in their heir's reading.
        _lost.Sort(static (a, b) => a.StartTicks.CompareTo(b.StartTicks));
        foreach (var process in _lost)
        {
            if (!TakeOffReaper(process))
                _waiting.Add(process);
        }
        _lost.Clear();
    }

    /// <summary>Takes what was counted off who reaped the process; false when nobody can have, so far.</summary>
    private bool TakeOffReaper(Process dead)
    {
        var heir = dead.Parent ?? table.Find(dead.ParentPid);
        for (var depth = 0; heir is not null && depth < DeepestTree; heir = heir.Parent, depth++)
        {
            // A dead parent has itself been reaped together with its children, or left them to someone above.
            if (heir.Gone)
                continue;
            if (HasDelta(heir) && heir.Io.Delta.Covers(dead.Io.Last) && !IgnoresChildren(heir))
            {
                heir.Io.Delta = heir.Io.Delta.Minus(dead.Io.Last);
                return true;
            }
            if (!IsZombie(heir))
                return false;
        }
        return false;
    }

    private bool IsZombie(Process process) =>
        ProcessStat.TryRead(table.Folder, process.Pid, out var stat, out _) && stat.Zombie;

    // "SigIgn:\t0000000000001000" in /proc/PID/status: bit n-1 is signal n (fs/proc/array.c); SIGCHLD is 17.
    private bool IgnoresChildren(Process process)
    {
        const ulong SigChld = 1UL << 16;
        var n = table.Folder.Read(process.Pid, "/status\0"u8, _status, out _);
        ReadOnlySpan<byte> text = _status.AsSpan(0, Math.Max(0, n));
        var at = text.IndexOf("\nSigIgn:"u8);
        if (at < 0)
            return false;
        var fields = new Kernel.ProcFs.FieldReader(text[(at + 8)..]);
        return fields.TryNext(out var field)
            && System.Buffers.Text.Utf8Parser.TryParse(field, out ulong mask, out _, 'x') && (mask & SigChld) != 0;
    }
}
