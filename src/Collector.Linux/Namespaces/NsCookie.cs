using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>The kernel's number for one life of a network namespace.</summary>
internal static unsafe class NsCookie
{
    /// <summary>
    /// Asks a socket made inside; 0 where the kernel does not say or the namespace cannot be entered.
    /// </summary>
    /// <param name="access">For the thread that enters.</param>
    /// <param name="ns">The namespace's descriptor.</param>
    /// <param name="isOwn">True when nothing need be entered.</param>
    public static ulong Of(NamespaceAccess access, SafeFd? ns, bool isOwn)
    {
        try
        {
            return isOwn || ns is null ? Ask() : access.Entry.Run(ns, Ask);
        }
        catch (LinuxException)
        {
            return 0;
        }
    }

    /// <summary>Of the namespace that this thread is in.</summary>
    public static ulong Ask()
    {
        var fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            throw LinuxException.Last("socket");
        using var opened = new SafeFd(fd);
        ulong cookie = 0;
        socklen_t length = sizeof(ulong);
        return getsockopt(fd, SOL_SOCKET, Libc.SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
    }
}
