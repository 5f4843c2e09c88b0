using System.Buffers.Text;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>Descriptors in /proc/PID/fd that are sockets: their link reads "socket:[12345]" (sockfs_dname).</summary>
internal static unsafe class SocketLink
{
    /// <summary>The socket's inode; 0 for what is no socket.</summary>
    /// <param name="folder">The open folder.</param>
    /// <param name="name">An entry of it, followed by a NUL.</param>
    public static ulong Inode(int folder, ReadOnlySpan<byte> name)
    {
        Span<byte> target = stackalloc byte[32];
        long n;
        fixed (byte* link = name, into = target)
            n = readlinkat(folder, link, into, target.Length);
        return n > 9 && target.StartsWith("socket:["u8)
            && Utf8Parser.TryParse(target[8..(int)n], out ulong inode, out _)
                ? inode
                : 0;
    }
}
