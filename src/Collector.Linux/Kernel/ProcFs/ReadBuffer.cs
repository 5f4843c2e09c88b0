using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>One buffer for everything the collection thread reads. What it returned is gone at the next read.</summary>
public sealed class ReadBuffer
{
    private byte[] _bytes = new byte[32 * 1024];

    /// <summary>
    /// Reads at most this much of one file; a larger one is refused (a tree of lies must not eat memory).
    /// </summary>
    public int Limit { get; init; } = 64 * 1024 * 1024;

    /// <summary>Reads a whole file from its start.</summary>
    /// <remarks>
    /// A seq_file with an iterator gives about a page per read (fs/seq_file.c), so reading goes on until the kernel
    /// returns 0.
    /// </remarks>
    /// <returns>False with the error when the file cannot be read now.</returns>
    public bool TryRead(ProcFile file, out ReadOnlySpan<byte> content, out Errno error)
    {
        var length = 0;
        while (true)
        {
            if (length == _bytes.Length && !Grow())
            {
                content = default;
                error = ENOMEM;
                return false;
            }
            var n = file.Read(_bytes.AsSpan(length), length, out error);
            if (n < 0)
            {
                content = default;
                return false;
            }
            if (n == 0)
                break;
            length += n;
        }
        content = _bytes.AsSpan(0, length);
        error = Errno.None;
        return true;
    }

    private bool Grow()
    {
        if (_bytes.Length >= Limit)
            return false;
        Array.Resize(ref _bytes, _bytes.Length * 2);
        return true;
    }
}
