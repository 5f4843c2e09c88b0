using System.Globalization;
using System.Runtime.InteropServices;

namespace Collector.Worker.Hosting;

/// <summary>
/// Whether a file descriptor is the one that $JOURNAL_STREAM names as <c>device:inode</c> (systemd.exec(5)).
/// </summary>
internal static partial class JournalStream
{
    // include/uapi/linux/fcntl.h and stat.h; struct statx is the same on every architecture.
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;
    private const int StatxSize = 256;
    private const int InodeOffset = 32;
    private const int DeviceMajorOffset = 136;
    private const int DeviceMinorOffset = 140;

    public static bool Is(int descriptor, string stream) => Identify(descriptor) is { } found && found == stream;

    /// <summary><c>device:inode</c> in decimal, null where the system cannot say.</summary>
    internal static string? Identify(int descriptor)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> found = stackalloc byte[StatxSize];
        try
        {
            if (statx(descriptor, "", AT_EMPTY_PATH, STATX_INO, ref MemoryMarshal.GetReference(found)) != 0)
                return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        var inode = Number<ulong>(found[InodeOffset..]);
        var device = Device(Number<uint>(found[DeviceMajorOffset..]), Number<uint>(found[DeviceMinorOffset..]));
        return string.Create(CultureInfo.InvariantCulture, $"{device}:{inode}");
    }

    /// <summary>gnu_dev_makedev of glibc: what st_dev holds.</summary>
    private static ulong Device(ulong major, ulong minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xfful) << 12) | ((major & ~0xffful) << 32);

    private static T Number<T>(ReadOnlySpan<byte> at) where T : unmanaged => MemoryMarshal.Read<T>(at);

    // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf); glibc 2.28
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, ref byte statxbuf);
}
