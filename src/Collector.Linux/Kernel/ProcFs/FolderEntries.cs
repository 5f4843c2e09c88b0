using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>Walks an open folder from its start: getdents64(2) into the given buffer, no strings.</summary>
internal unsafe ref struct FolderEntries
{
    // struct linux_dirent64 { u64 d_ino; s64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }  (linux/dirent.h)
    private const int LengthAt = 16;
    private const int NameAt = 19;

    private readonly int _folder;
    private readonly Span<byte> _buffer;
    private int _at;
    private int _end;

    public FolderEntries(int folder, Span<byte> buffer)
    {
        _folder = folder;
        _buffer = buffer;
        lseek(folder, 0, SEEK_SET);
    }

    /// <summary>Why the walk ended early; <see cref="Errno.None"/> when it saw everything.</summary>
    public Errno Error { get; private set; }

    /// <summary>The next entry; its name is followed by a NUL in the buffer and valid until the next call.</summary>
    public bool TryNext(out ulong inode, out ReadOnlySpan<byte> name)
    {
        if (_at == _end && !Fill())
        {
            inode = 0;
            name = default;
            return false;
        }
        var entry = _buffer[_at.._end];
        var length = MemoryMarshal.Read<ushort>(entry[LengthAt..]);
        inode = MemoryMarshal.Read<ulong>(entry);
        name = entry[NameAt..length];
        name = name[..name.IndexOf((byte)0)];
        _at += length;
        return true;
    }

    private bool Fill()
    {
        long n;
        fixed (byte* p = _buffer)
            n = Libc.getdents64(_folder, p, _buffer.Length);
        _at = 0;
        _end = Math.Max(0, (int)n);
        if (n < 0)
            Error = SafeFd.LastErrno;
        return n > 0;
    }
}
