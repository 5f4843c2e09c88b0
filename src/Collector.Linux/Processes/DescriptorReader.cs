using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>Counts a process's open descriptors as cheaply as the kernel allows.</summary>
internal sealed class DescriptorReader(ProcessTable table, bool sockets)
{
    /// <summary>Parts that a utilization is stored in.</summary>
    public const long Whole = 1_000_000;

    // Since Linux 6.2 the size of the folder is its number of entries (fs/proc/fd.c, proc_fd_getattr); before it was 0.
    private readonly bool _sizeIsCount = table.Folder.SizeOf(Environment.ProcessId, "/fd\0"u8, out _) > 0;
    private readonly byte[] _limits = new byte[4 * 1024];

    /// <summary>
    /// Counts; false when the process cannot be read, with the failure's reason, or empty when it is merely gone.
    /// </summary>
    public bool TryRead(Process process, out long open, out long openSockets, out string failure)
    {
        if (!sockets && table.IsTold(process, TaskFigures.Files) && process.Told.Open > 0)
        {
            (open, openSockets, failure) = (process.Told.Open, 0, "");
            process.FileLimit = process.Told.FileLimit <= long.MaxValue ? (long)process.Told.FileLimit : 0;
            return true;
        }
        open = Count(process.Task, out openSockets, out var error);
        // Nothing open, or no such task: the main thread may have ended, and the others not.
        if ((open == 0 || error.IsAny(ENOENT, ESRCH)) && table.TryOutlive(process))
            open = Count(process.Task, out openSockets, out error);
        failure = error == Errno.None || error.IsAny(ENOENT, ESRCH) ? ""
            : error.IsAny(EACCES, EPERM) ? "permission"
            : error.ToString();
        if (error == Errno.None)
            LookAtLimit(process);
        return error == Errno.None;
    }

    private void LookAtLimit(Process process)
    {
        if (process.Recheck || process.FileLimit < 0)
            process.FileLimit = ReadLimit(process.Pid);
    }

    private long Count(int task, out long openSockets, out Errno error)
    {
        openSockets = 0;
        return _sizeIsCount && !sockets
            ? table.Folder.SizeOf(task, "/fd\0"u8, out error)
            : Walk(task, out openSockets, out error);
    }

    private long Walk(int pid, out long openSockets, out Errno error)
    {
        openSockets = 0;
        if (!table.Folder.TryOpen(pid, "/fd\0"u8, O_DIRECTORY, out var folder, out error))
            return -1;
        var count = 0L;
        var entries = table.Folder.EntriesOf(folder);
        while (entries.TryNext(out _, out var name))
        {
            if (name[0] == (byte)'.')
                continue;
            count++;
            if (sockets && SocketLink.Inode(folder, name) != 0)
                openSockets++;
        }
        error = entries.Error;
        _ = close(folder);
        return count;
    }

    private long ReadLimit(int pid)
    {
        var n = table.Folder.Read(pid, "/limits\0"u8, _limits, out _);
        return n > 0 && TryParseLimit(_limits.AsSpan(0, n), out var limit) ? limit : 0;
    }

    // Max open files            1024                 524288               files     (fs/proc/base.c, proc_pid_limits)
    public static bool TryParseLimit(ReadOnlySpan<byte> text, out long soft)
    {
        soft = 0;
        var label = "Max open files"u8;
        var lines = new LineReader(text);
        while (lines.TryNext(out var line))
        {
            if (line.StartsWith(label))
                return new FieldReader(line[label.Length..]) is var fields && fields.TryNextNumber(out soft);
        }
        return false;
    }
}
