using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Which file it is, whatever it is called: device as st_dev has it, and inode.</summary>
public sealed record FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>Of an open file; null where the system cannot say.</summary>
    public static FileIdentity? Of(int descriptor) => OperatingSystem.IsLinux() ? Ask(descriptor, "") : null;

    /// <summary>Of an open file; null where the system cannot say.</summary>
    public static FileIdentity? Of(SafeFileHandle file)
    {
        var held = false;
        try
        {
            file.DangerousAddRef(ref held);
            return Of((int)file.DangerousGetHandle());
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
    }

    /// <summary>Of what a path leads to now; null where that is nothing, or the system cannot say.</summary>
    public static FileIdentity? Of(string path) => OperatingSystem.IsLinux() ? Ask(null, path) : null;

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe FileIdentity? Ask(int? descriptor, string path)
    {
        statx found;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var result = Libc.statx(
                descriptor ?? AT_FDCWD, name, descriptor is null ? 0 : AT_EMPTY_PATH, STATX_INO, &found);
            return result == 0
                ? new(MakeDevice(found.stx_dev_major, found.stx_dev_minor), found.stx_ino)
                : null;
        }
    }

    /// <summary>gnu_dev_makedev of glibc: what st_dev holds.</summary>
    private static ulong MakeDevice(ulong major, ulong minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xfful) << 12) | ((major & ~0xffful) << 32);
}
