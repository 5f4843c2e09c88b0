using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>A network namespace that was opened just now.</summary>
/// <param name="Inode">Its number.</param>
/// <param name="Cookie">The kernel's number for that life of it; 0 where it has none.</param>
/// <param name="Fd">Holds it, and nothing else; null where it may not be entered.</param>
internal sealed record OpenedNamespace(ulong Inode, ulong Cookie, SafeFd? Fd);

/// <summary>
/// Opens network namespaces in a way that holds the namespace and never the mount by which it was found: a descriptor
/// of a mount's path makes <c>umount</c> fail with EBUSY for as long as it is open. What /proc tells of a thread
/// belongs to a mount of the kernel's own (ns_get_path in fs/nsfs.c).
/// </summary>
/// <param name="access">For the thread that enters.</param>
internal sealed class NamespaceOpener(NamespaceAccess access)
{
    private readonly string _here = $"{access.Paths.Proc}/thread-self/ns/net";

    /// <summary>By its mount, which is closed again at once.</summary>
    /// <exception cref="LinuxException">It is gone or not ours to see, or there are no descriptors left.</exception>
    public OpenedNamespace ByMount(Func<SafeFd> mount)
    {
        using var fd = mount();
        var inode = fd.Inode();
        try
        {
            return access.Entry.Run(fd, () => new OpenedNamespace(inode, NsCookie.Ask(), Open(_here)));
        }
        catch (LinuxException e) when (e.Errno.IsAny(EPERM, EACCES))
        {
            // Without the right to enter, its name is all that there is to tell.
            return new OpenedNamespace(inode, 0, null);
        }
    }

    /// <summary>By the link of a process.</summary>
    /// <exception cref="LinuxException">It is gone or not ours to see, or there are no descriptors left.</exception>
    public OpenedNamespace ByProcess(string link, ulong own)
    {
        var fd = Open(link);
        var inode = fd.Inode();
        return new OpenedNamespace(inode, NsCookie.Of(access, fd, isOwn: inode == own), fd);
    }

    /// <summary>
    /// The node's: process 1 is in it where we can see that process; in a container without hostPID our own is all
    /// there is.
    /// </summary>
    public OpenedNamespace Host(ulong own)
    {
        if (access.Paths.Recorded)
            return new OpenedNamespace(0, 0, null);
        return TryOpen(() => ByProcess($"{access.Paths.Proc}/1/ns/net", own), null, out _)
            ?? TryOpen(() => ByProcess(_here, own), null, out _)
            ?? new OpenedNamespace(0, NsCookie.Of(access, null, isOwn: true), null);
    }

    /// <summary>Null where it cannot be opened, or is another one than was looked for.</summary>
    /// <param name="open">One of the ways.</param>
    /// <param name="expected">The inode that a look at it said before; null: whatever it is.</param>
    /// <param name="isThere">False when it was gone between the look and the opening.</param>
    public static OpenedNamespace? TryOpen(Func<OpenedNamespace> open, ulong? expected, out bool isThere)
    {
        isThere = true;
        try
        {
            var opened = open();
            if (expected is null || opened.Inode == expected)
                return opened;
            opened.Fd?.Dispose();
        }
        catch (LinuxException e)
        {
            isThere = !e.Errno.IsAny(ENOENT, ESRCH);
        }
        return null;
    }

    private static SafeFd Open(string path) => SafeFd.Open(path).NotOfTheLast($"open {path}");
}
