using System.Runtime.InteropServices;

namespace Collector.Worker.Hosting;

/// <summary>Which file it is, whatever it is called: device as st_dev has it, and inode.</summary>
internal readonly partial record struct FileIdentity(ulong Device, ulong Inode)
{
    // include/uapi/linux/fcntl.h and stat.h; struct statx is the same on every architecture.
    private const int AT_FDCWD = -100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;
    private const int StatxSize = 256;
    private const int InodeOffset = 32;
    private const int DeviceMajorOffset = 136;
    private const int DeviceMinorOffset = 140;

    /// <summary>Of an open file; null where the system cannot say.</summary>
    public static FileIdentity? Of(int descriptor) => Of(descriptor, "", AT_EMPTY_PATH);

    /// <summary>Of what a path leads to now; null where that is nothing, or the system cannot say.</summary>
    public static FileIdentity? Of(string path) => Of(AT_FDCWD, path, 0);

    private static FileIdentity? Of(int folder, string path, int flags)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> found = stackalloc byte[StatxSize];
        try
        {
            if (statx(folder, path, flags, STATX_INO, ref MemoryMarshal.GetReference(found)) != 0)
                return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        var device = MakeDevice(Number<uint>(found[DeviceMajorOffset..]), Number<uint>(found[DeviceMinorOffset..]));
        return new(device, Number<ulong>(found[InodeOffset..]));
    }

    /// <summary>gnu_dev_makedev of glibc: what st_dev holds.</summary>
    private static ulong MakeDevice(ulong major, ulong minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xfful) << 12) | ((major & ~0xffful) << 32);

    private static T Number<T>(ReadOnlySpan<byte> at) where T : unmanaged => MemoryMarshal.Read<T>(at);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf); glibc 2.28
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, ref byte statxbuf);
}
