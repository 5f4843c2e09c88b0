using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>
/// A hierarchy of cgroups, by the folder where it is mounted, kept open: its folders and files are opened relative to
/// it, read and closed. Paths of cgroups are relative, the root's is <c>.</c>; names have a leading slash and a closing
/// NUL: <c>"/cpu.stat\0"u8</c>. Belongs to the collection thread.
/// </summary>
internal sealed unsafe class CgroupFolder : IDisposable
{
    private readonly SafeFd _root;
    private readonly byte[] _path = new byte[4096];
    private readonly byte[] _content = new byte[4096];
    private readonly byte[] _entries = GC.AllocateUninitializedArray<byte>(32 * 1024, pinned: true);

    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public CgroupFolder(string root) => _root = SafeFd.Open(root, O_DIRECTORY);

    /// <summary>The start of a file, valid until the next read; empty with the error.</summary>
    /// <remarks>One read is enough: the kernel gives what fits, and these files are a few lines.</remarks>
    public ReadOnlySpan<byte> Read(ReadOnlySpan<byte> cgroup, ReadOnlySpan<byte> name, out Errno error)
    {
        var fd = Open(cgroup, name, 0, out error);
        if (fd < 0)
            return default;
        long n;
        fixed (byte* p = _content)
            n = read(fd, p, _content.Length);
        if (n < 0)
            error = SafeFd.LastErrno;
        _ = close(fd);
        return n < 0 ? default : _content.AsSpan(0, (int)n);
    }

    /// <summary>Opens a cgroup's folder; the caller closes it. Negative with the error.</summary>
    public int Open(ReadOnlySpan<byte> cgroup, out Errno error) => Open(cgroup, "\0"u8, O_DIRECTORY, out error);

    /// <summary>Entries of a folder that was opened. One walk at a time: walks share a buffer.</summary>
    public FolderEntries EntriesOf(int folder) => new(folder, _entries);

    private int Open(ReadOnlySpan<byte> cgroup, ReadOnlySpan<byte> name, int flags, out Errno error)
    {
        if (cgroup.Length + name.Length > _path.Length)
        {
            error = ENAMETOOLONG;
            return -1;
        }
        cgroup.CopyTo(_path);
        name.CopyTo(_path.AsSpan(cgroup.Length));
        int fd;
        fixed (byte* p = _path)
            fd = openat(_root.Value, p, O_RDONLY | O_CLOEXEC | flags, 0);
        error = fd < 0 ? SafeFd.LastErrno : Errno.None;
        return fd;
    }

    public void Dispose() => _root.Dispose();
}
