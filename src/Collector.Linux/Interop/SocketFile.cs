using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>The file of a Unix socket that we bind, and the folder that it is in.</summary>
[SupportedOSPlatform("linux")]
public static class SocketFile
{
    /// <summary>What is wrong with a folder: its owner could put another socket in our place.</summary>
    /// <returns>The rest of a sentence; null when nothing is wrong.</returns>
    public static unsafe string? FolderFault(string path)
    {
        statx found;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            if (Libc.statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_UID, &found) != 0)
                return Marshal.GetPInvokeErrorMessage(SafeFd.LastErrno.Number);
        }
        if ((found.stx_mode & S_IFMT) == S_IFLNK)
            return "is a link, and not a folder";
        if ((found.stx_mode & S_IFMT) != S_IFDIR)
            return "is no folder";
        return found.stx_uid == 0 || found.stx_uid == (uint)geteuid()
            ? null
            : $"belongs to user {found.stx_uid}, and not to root or to user {(uint)geteuid()}";
    }

    /// <summary>
    /// Binds a socket whose file has a mode from its first moment on, or a stricter one: whoever may not connect in the
    /// end never may.
    /// </summary>
    /// <param name="socket">The socket's descriptor.</param>
    /// <param name="mode">The mode.</param>
    /// <param name="path">Its file.</param>
    /// <param name="bind">Binds it.</param>
    /// <exception cref="IOException">The mode cannot be set.</exception>
    public static void Bind(IntPtr socket, UnixFileMode mode, string path, Action bind)
    {
        // bind(2) gives the file the mode of the socket itself less the umask (unix_bind, net/unix/af_unix.c).
        using (var handle = new SafeFileHandle(socket, ownsHandle: false))
            File.SetUnixFileMode(handle, mode);
        bind();
        // What the umask took. Not by the path: who can write in the folder may have put a link there by now.
        using var file = SafeFd.Open(path, O_PATH | O_NOFOLLOW);
        if (SpecialFile.IsSocket(file))
            File.SetUnixFileMode($"/proc/self/fd/{file.Value}", mode);
    }
}
