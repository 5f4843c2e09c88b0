using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Collector.Linux.Interop;

/// <summary>Which file it is, whatever it is called: device as st_dev has it, and inode.</summary>
public sealed record FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>Of an open file; null where the system cannot say.</summary>
    public static unsafe FileIdentity? Of(int descriptor)
    {
        byte empty = 0;
        return Of(descriptor, &empty, Libc.AT_EMPTY_PATH);
    }

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
    public static unsafe FileIdentity? Of(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            return Of(Libc.AT_FDCWD, name, 0);
    }

    private static unsafe FileIdentity? Of(int folder, byte* path, int flags)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            Libc.statx_t found;
            return Libc.statx(folder, path, flags, Libc.STATX_INO, &found) == 0
                ? new(MakeDevice(found.stx_dev_major, found.stx_dev_minor), found.stx_ino)
                : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>gnu_dev_makedev of glibc: what st_dev holds.</summary>
    private static ulong MakeDevice(ulong major, ulong minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xfful) << 12) | ((major & ~0xffful) << 32);
}
