using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.ProcFs;

/// <summary>A kernel file that stays open and is read again from offset 0: fresh content without a path walk.</summary>
public sealed class ProcFile : IDisposable
{
    private readonly SafeFd _fd;

    private ProcFile(SafeFd fd, string path)
    {
        _fd = fd;
        Path = path;
    }

    /// <summary>Path under which it was opened, for messages.</summary>
    public string Path { get; }

    /// <exception cref="LinuxException">The file cannot be opened.</exception>
    public static ProcFile Open(string path) => new(SafeFd.Open(path), path);

    /// <summary>The same for a file of one namespace, of which there are many: not with the last descriptors.</summary>
    /// <exception cref="LinuxException">The file cannot be opened.</exception>
    internal static ProcFile OpenOfNamespace(string path) => new(SafeFd.Open(path).NotOfTheLast($"open {path}"), path);

    /// <summary>Bytes read at the offset, 0 at the end, -1 with the error.</summary>
    internal unsafe int Read(Span<byte> into, int offset, out Errno error)
    {
        while (true)
        {
            long n;
            fixed (byte* p = into)
                n = pread(_fd.Value, p, into.Length, offset);
            if (n >= 0)
            {
                error = Errno.None;
                return (int)n;
            }
            error = SafeFd.LastErrno;
            if (error != EINTR)
                return -1;
        }
    }

    public void Dispose() => _fd.Dispose();
}
