using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>Error numbers that the code tells apart (include/uapi/asm-generic/errno*.h, x86-64 and arm64).</summary>
public enum Errno
{
    None = 0,
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    E2BIG = 7,
    EBADF = 9,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    ENOTDIR = 20,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ENOSPC = 28,
    ENOSYS = 38,
    ENODATA = 61,
    EPROTONOSUPPORT = 93,
    EOPNOTSUPP = 95,
    EAFNOSUPPORT = 97,
    ENOBUFS = 105,
    ETIMEDOUT = 110,
    ESTALE = 116,
}

/// <summary>A system call that failed: which one, on what, and why.</summary>
public sealed class LinuxException : Exception
{
    public LinuxException()
    {
    }

    public LinuxException(string message) : base(message)
    {
    }

    public LinuxException(string message, Exception innerException) : base(message, innerException)
    {
    }

    public LinuxException(string call, Errno errno)
        : base($"{call}: {Marshal.GetPInvokeErrorMessage((int)errno)} ({errno})") => Errno = errno;

    public Errno Errno { get; }

    /// <summary>For the call that failed just now on this thread.</summary>
    public static LinuxException Last(string call) => new(call, (Errno)Marshal.GetLastPInvokeError());
}
