using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Collector.Linux.Interop;

/// <summary>A file descriptor that is closed once, whoever forgets it.</summary>
public sealed class SafeFd : SafeHandleMinusOneIsInvalid
{
    internal SafeFd(int fd) : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>The descriptor's number. The caller keeps the object alive while using it.</summary>
    internal int Value => (int)handle;

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;

    /// <summary>Opens a path read-only.</summary>
    /// <exception cref="LinuxException">open(2) failed; the message has the path and the error.</exception>
    internal static SafeFd Open(string path, int flags = 0)
    {
        var fd = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC | flags);
        return fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last($"open {path}");
    }

    /// <summary>Inode of what is open; 0 when the kernel will not say.</summary>
    internal unsafe ulong Inode()
    {
        byte empty = 0;
        Libc.statx_t stat;
        return Libc.statx(Value, &empty, Libc.AT_EMPTY_PATH, Libc.STATX_INO, &stat) == 0 ? stat.stx_ino : 0;
    }

    internal static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();
}
