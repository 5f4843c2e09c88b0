using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Files that are none: sockets and pipes with a path.</summary>
public static class SpecialFile
{
    /// <summary>True when a path leads to a socket; on another system, when it leads to anything.</summary>
    public static bool IsSocket(string path) => OperatingSystem.IsLinux() ? Is(path, S_IFSOCK) : File.Exists(path);

    /// <summary>True when a path leads to a named pipe.</summary>
    public static bool IsPipe(string path) => OperatingSystem.IsLinux() && Is(path, S_IFIFO);

    /// <summary>Opens a named pipe to write to it, without waiting for a reader.</summary>
    /// <exception cref="IOException">Nobody reads, or it cannot be opened.</exception>
    public static unsafe SafeFileHandle OpenPipe(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var descriptor = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
            if (descriptor >= 0)
                return new SafeFileHandle(descriptor, ownsHandle: true);
        }
        var error = SafeFd.LastErrno;
        throw new IOException(
            error == ENXIO ? "nobody reads the pipe" : Marshal.GetPInvokeErrorMessage(error.Number));
    }

    /// <summary>The same of what is open.</summary>
    internal static bool IsPipe(SafeFd fd) => Is(fd, S_IFIFO);

    /// <summary>The same of what is open.</summary>
    internal static bool IsSocket(SafeFd fd) => Is(fd, S_IFSOCK);

    private static unsafe bool Is(SafeFd fd, mode_t type)
    {
        byte empty = 0;
        return Is(fd.Value, &empty, AT_EMPTY_PATH, type);
    }

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe bool Is(string path, mode_t type)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            return Is(AT_FDCWD, name, 0, type);
    }

    private static unsafe bool Is(int folder, byte* name, int flags, mode_t type)
    {
        statx found;
        return Libc.statx(folder, name, flags, STATX_TYPE, &found) == 0 && (found.stx_mode & S_IFMT) == type;
    }
}
