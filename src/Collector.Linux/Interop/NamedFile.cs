using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>
/// Reads a file that an operator named and that may be anything: a pipe that nobody writes to, a device without an end
/// or a folder is an error at once, and never the end of the program.
/// </summary>
public static class NamedFile
{
    /// <summary>For a pipe whose writer is slow.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The whole content. Exceptions say what the file is or lacks, without its name.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="most">Greatest number of bytes.</param>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="IOException">It is no file, too large, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] Read(string path, int most)
    {
        if (path.Length == 0 || path.Contains('\0'))
            throw new IOException("cannot be read: no file has such a name");
        if (Directory.Exists(path))
            throw new IOException("is a directory, not a file");
        return OperatingSystem.IsLinux() ? ReadDescriptor(path, most) : ReadStream(path, most);
    }

    private static byte[] ReadStream(string path, int most)
    {
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        return ReadToEnd(most, file.Read);
    }

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte[] ReadDescriptor(string path, int most)
    {
        using var fd = Open(path);
        var began = Stopwatch.GetTimestamp();
        var content = ReadToEnd(most, room => ReadSome(fd, room, began));
        return content.Length > 0 || !SpecialFile.IsPipe(fd)
            ? content
            : throw new IOException("is a pipe that nobody writes to");
    }

    private static SafeFd Open(string path)
    {
        try
        {
            // Neither a pipe nor a terminal may hold us, or become ours.
            return SafeFd.Open(path, O_NONBLOCK | O_NOCTTY);
        }
        catch (LinuxException e) when (e.Errno.IsAny(ENOENT, ENOTDIR))
        {
            throw new FileNotFoundException("there is no such file", e);
        }
        catch (LinuxException e) when (e.Errno.IsAny(EACCES, EPERM))
        {
            throw new UnauthorizedAccessException("may not be read: permission denied", e);
        }
        catch (LinuxException e)
        {
            throw Unreadable(e.Errno, e);
        }
    }

    private delegate int Reader(Span<byte> room);

    private static byte[] ReadToEnd(int most, Reader read)
    {
        var content = new byte[Math.Min(most + 1, 16 * 1024)];
        var length = 0;
        while (read(content.AsSpan(length)) is > 0 and var got)
        {
            length += got;
            if (length > most)
                throw new IOException($"is larger than {most} bytes");
            if (length == content.Length)
                Array.Resize(ref content, Math.Min(most + 1, length * 4));
        }
        return content[..length];
    }

    private static unsafe int ReadSome(SafeFd fd, Span<byte> room, long began)
    {
        fixed (byte* at = room)
        {
            while (true)
            {
                var got = (int)read(fd.Value, at, room.Length);
                if (got >= 0)
                    return got;
                var errno = SafeFd.LastErrno;
                if (errno.IsAny(EAGAIN))
                    Await(fd, Patience - Stopwatch.GetElapsedTime(began));
                else if (!errno.IsAny(EINTR))
                    throw Unreadable(errno, null);
            }
        }
    }

    private static unsafe void Await(SafeFd fd, TimeSpan left)
    {
        var poll = new pollfd { fd = fd.Value, events = POLLIN };
        if (left <= TimeSpan.Zero || Libc.poll(&poll, 1, (int)left.TotalMilliseconds + 1) == 0)
            throw new IOException($"is a pipe or device that did not end within {Patience.TotalSeconds:0} s");
    }

    private static IOException Unreadable(Errno errno, Exception? inner) =>
        new($"cannot be read: {Marshal.GetPInvokeErrorMessage(errno.Number)}", inner);
}
