using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <content>To make a network namespace with a name, as ip(8) does.</content>
internal static unsafe partial class Libc
{
    // sys/mount.h
    public const nuint MS_BIND = 4096;
    public const int MNT_DETACH = 2;

    // int unshare(int flags);
    [LibraryImport("libc", SetLastError = true)]
    public static partial int unshare(int flags);

    // int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags,
    //           const void *data);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int mount(string source, string target, string type, nuint flags, nint data);

    // int umount2(const char *target, int flags);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int umount2(string target, int flags);
}
