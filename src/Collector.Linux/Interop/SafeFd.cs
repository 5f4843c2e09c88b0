using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>A file descriptor that is closed once, whoever forgets it.</summary>
public sealed class SafeFd : SafeHandleMinusOneIsInvalid
{
    internal SafeFd(int fd) : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>The descriptor's number. The caller keeps the object alive while using it.</summary>
    internal int Value => (int)handle;

    protected override bool ReleaseHandle() => close((int)handle) == 0;

    /// <summary>Opens a path read-only.</summary>
    /// <exception cref="LinuxException">open(2) failed; the message has the path and the error.</exception>
    internal static SafeFd Open(string path, int flags = 0)
    {
        var fd = OpenReadOnly(path, flags);
        return fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last($"open {path}");
    }

    /// <summary>The same of a name that need not be UTF-8; it ends with a NUL.</summary>
    /// <param name="path">The name.</param>
    /// <param name="shown">As a message says it.</param>
    /// <exception cref="LinuxException">open(2) failed.</exception>
    internal static unsafe SafeFd Open(ReadOnlySpan<byte> path, string shown)
    {
        fixed (byte* name = path)
        {
            var fd = open(name, O_RDONLY | O_CLOEXEC, 0);
            return fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last($"open {shown}");
        }
    }

    private static unsafe int OpenReadOnly(string path, int flags)
    {
        scoped var name = new Utf8StringMarshaller.ManagedToUnmanagedIn();
        name.FromManaged(path, stackalloc byte[Utf8StringMarshaller.ManagedToUnmanagedIn.BufferSize]);
        var fd = open(name.ToUnmanaged(), O_RDONLY | O_CLOEXEC | flags, 0);
        name.Free();
        return fd;
    }

    /// <summary>
    /// Gives a descriptor back where it is among the last: what is held per namespace must not take those that reading
    /// processes, connections and the runtime itself cannot do without (the runtime ends the process when it finds
    /// none).
    /// </summary>
    /// <exception cref="LinuxException">EMFILE, as if there were none left.</exception>
    internal SafeFd NotOfTheLast(string what)
    {
        if (Value < Highest)
            return this;
        Dispose();
        throw new LinuxException(what, EMFILE);
    }

    // The kernel gives the lowest free number, so a high one means that few are left. The runtime takes two for every
    // assembly that it loads, and many are loaded only with the first request.
    private static readonly long Highest = HighestFor(OpenFiles.Limit ?? long.MaxValue);

    private static long HighestFor(long limit) => limit - OpenFiles.ForConnections(limit) - OpenFiles.ForRuntime;

    /// <summary>Inode of what is open; 0 when the kernel will not say.</summary>
    internal unsafe ulong Inode()
    {
        byte empty = 0;
        statx stat;
        return Libc.statx(Value, &empty, AT_EMPTY_PATH, STATX_INO, &stat) == 0 ? stat.stx_ino : 0;
    }

    internal static Errno LastErrno => Marshal.GetLastPInvokeError();
}
