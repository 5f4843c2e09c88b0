using System.Buffers.Text;
using System.Text;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>
/// Reads the links of /proc/PID/ns: <c>net:[4026531840]</c>, where the number is the namespace's inode.
/// </summary>
internal static unsafe class NsLink
{
    /// <summary>Inode of a net namespace link; 0 when it is gone, not readable or another kind.</summary>
    public static ulong Inode(string path)
    {
        Span<byte> name = stackalloc byte[256];
        if (!Encoding.UTF8.TryGetBytes(path, name[..^1], out var length))
            return 0;
        name[length] = 0;
        fixed (byte* p = name)
            return Parse(p, -1);
    }

    /// <summary>The same relative to an open folder; the name ends with a NUL.</summary>
    public static ulong Inode(int folder, ReadOnlySpan<byte> name)
    {
        fixed (byte* p = name)
            return Parse(p, folder);
    }

    private static ulong Parse(byte* name, int folder)
    {
        Span<byte> target = stackalloc byte[64];
        long n;
        fixed (byte* t = target)
        {
            n = folder < 0
                ? readlink(name, t, target.Length)
                : readlinkat(folder, name, t, target.Length);
        }
        return n < 0 ? 0 : Parse(target[..(int)n]);
    }

    /// <summary>The number in <c>net:[...]</c>; 0 for anything else.</summary>
    public static ulong Parse(ReadOnlySpan<byte> text)
    {
        if (!text.StartsWith("net:["u8) || text[^1] != (byte)']')
            return 0;
        var digits = text[5..^1];
        return Utf8Parser.TryParse(digits, out ulong inode, out var used) && used == digits.Length ? inode : 0;
    }
}
