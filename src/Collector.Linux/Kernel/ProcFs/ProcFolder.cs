using System.Buffers.Text;
using System.Diagnostics;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>
/// The folder /proc, kept open: files of processes are opened relative to it, read into the caller's buffer and closed.
/// Names are UTF-8 with a leading slash and a closing NUL: <c>"/io\0"u8</c>. Belongs to the collection thread.
/// </summary>
internal sealed unsafe class ProcFolder : IDisposable
{
    private readonly SafeFd _folder;
    private readonly byte[] _entries = GC.AllocateUninitializedArray<byte>(32 * 1024, pinned: true);

    /// <exception cref="LinuxException">There is no such folder, or it may not be read.</exception>
    public ProcFolder(KernelPaths paths) => _folder = SafeFd.Open(paths.Proc, O_DIRECTORY);

    /// <summary>Entries of /proc itself. One walk at a time: walks share a buffer.</summary>
    public FolderEntries Entries => new(_folder.Value, _entries);

    /// <summary>Entries of a folder that <see cref="TryOpen"/> opened.</summary>
    public FolderEntries EntriesOf(int folder) => new(folder, _entries);

    /// <summary>Bytes read from the start of a process's file, at most one buffer; -1 with the error.</summary>
    /// <remarks>One read is enough: these files are far smaller than the page that seq_file gives at least.</remarks>
    public int Read(int pid, ReadOnlySpan<byte> name, Span<byte> into, out Errno error)
    {
        if (!TryOpen(pid, name, 0, out var fd, out error))
            return -1;
        long n;
        fixed (byte* p = into)
            n = read(fd, p, into.Length);
        if (n < 0)
            error = SafeFd.LastErrno;
        _ = close(fd);
        return (int)n;
    }

    /// <summary>Opens a process's file or folder. The caller closes the descriptor.</summary>
    public bool TryOpen(int pid, ReadOnlySpan<byte> name, int flags, out int fd, out Errno error)
    {
        Span<byte> path = stackalloc byte[64];
        Join(pid, name, path);
        fixed (byte* p = path)
            fd = openat(_folder.Value, p, O_RDONLY | O_CLOEXEC | flags, 0);
        error = fd < 0 ? SafeFd.LastErrno : Errno.None;
        return fd >= 0;
    }

    /// <summary>Inode of a process's network namespace; 0 with the error.</summary>
    public ulong NetNamespaceOf(int pid, out Errno error)
    {
        Span<byte> path = stackalloc byte[64];
        Join(pid, "/ns/net\0"u8, path);
        var inode = NsLink.Inode(_folder.Value, path);
        error = inode == 0 ? SafeFd.LastErrno : Errno.None;
        return inode;
    }

    /// <summary>
    /// A thread of a process whose main thread has ended: from then on the process itself seems to have no namespace,
    /// no files and no cgroup, while its other threads go on. 0 where there is none.
    /// </summary>
    public int LivingThread(int pid)
    {
        if (!TryOpen(pid, "/task\0"u8, O_DIRECTORY, out var folder, out _))
            return 0;
        // Apart from that of a walk over /proc, which may be under way.
        var entries = new FolderEntries(folder, stackalloc byte[1024]);
        var living = 0;
        while (living == 0 && entries.TryNext(out _, out var name))
        {
            if (Utf8Parser.TryParse(name, out int thread, out var used) && used == name.Length && thread != pid
                && NetNamespaceOf(thread, out _) != 0)
            {
                living = thread;
            }
        }
        _ = close(folder);
        return living;
    }

    /// <summary>What stat(2) gives as size; -1 with the error.</summary>
    public long SizeOf(int pid, ReadOnlySpan<byte> name, out Errno error) =>
        TryStat(pid, name, STATX_SIZE, out var stat, out error) ? (long)stat.stx_size : -1;

    /// <summary>Effective user of a process, in our own numbers; -1 when it is gone.</summary>
    public long UserOf(int pid) => TryStat(pid, "/\0"u8, STATX_UID, out var stat, out _) ? stat.stx_uid : -1;

    private bool TryStat(int pid, ReadOnlySpan<byte> name, uint mask, out statx stat, out Errno error)
    {
        Span<byte> path = stackalloc byte[64];
        Join(pid, name, path);
        int result;
        fixed (byte* p = path)
        fixed (statx* into = &stat)
            result = Libc.statx(_folder.Value, p, 0, mask, into);
        error = result < 0 ? SafeFd.LastErrno : Errno.None;
        return result >= 0;
    }

    private static void Join(int pid, ReadOnlySpan<byte> name, Span<byte> path)
    {
        Debug.Assert(name[0] == '/' && name[^1] == 0, "names are /NAME with a closing NUL");
        Utf8Formatter.TryFormat(pid, path, out var n);
        name.CopyTo(path[n..]);
    }

    public void Dispose() => _folder.Dispose();
}
