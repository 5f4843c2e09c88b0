using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

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
        : base($"{call}: {Marshal.GetPInvokeErrorMessage(errno.Number)} ({errno})") => Errno = errno;

    public Errno Errno { get; }

    /// <summary>For the call that failed just now on this thread.</summary>
    public static LinuxException Last(string call) => new(call, Marshal.GetLastPInvokeError());
}
