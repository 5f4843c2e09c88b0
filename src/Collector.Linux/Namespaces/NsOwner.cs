using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>The user namespace that a network namespace belongs to: who may make such ones.</summary>
internal static class NsOwner
{
    /// <summary>Its inode; 0 where the kernel does not say, as of one above our own.</summary>
    public static ulong Of(SafeFd ns)
    {
        var fd = ioctl(ns.Value, Libc.NS_GET_USERNS, 0);
        if (fd < 0)
            return 0;
        using var owner = new SafeFd(fd);
        return owner.Inode();
    }

    /// <summary>Of what is at a path; 0 also where that is not the namespace expected, or cannot be opened.</summary>
    public static ulong Of(string path, ulong expected)
    {
        try
        {
            using var ns = SafeFd.Open(path);
            return ns.Inode() == expected ? Of(ns) : 0;
        }
        catch (LinuxException)
        {
            return 0;
        }
    }
}
