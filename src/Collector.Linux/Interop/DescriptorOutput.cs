using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Writing to a descriptor that somebody else opened, and may have set to anything.</summary>
public static class DescriptorOutput
{
    /// <summary>PIPE_BUF: what fits into a pipe of which poll(2) says that it has room.</summary>
    private const int Piece = 4096;

    /// <summary>Writes all bytes by write(2), and waits where the other end is slow.</summary>
    /// <exception cref="IOException">The system's reason why they cannot be written.</exception>
    public static void Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        Check(descriptor);
        while (!bytes.IsEmpty)
            bytes = bytes[Some(descriptor, bytes, -1)..];
    }

    /// <summary>The same, but gives up where the other end takes nothing for so many milliseconds.</summary>
    /// <returns>False when not everything was written.</returns>
    /// <exception cref="IOException">The system's reason why they cannot be written.</exception>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes, int patience)
    {
        Check(descriptor);
        while (!bytes.IsEmpty)
        {
            if (!IsWritable(descriptor, patience))
                return false;
            bytes = bytes[Some(descriptor, bytes[..Math.Min(bytes.Length, Piece)], patience)..];
        }
        return true;
    }

    /// <summary>True once nobody reads any more: a pipe's other end is closed, or a terminal has hung up.</summary>
    public static unsafe bool IsReaderGone(int descriptor)
    {
        var look = new pollfd { fd = descriptor };
        return Libc.poll(&look, 1, 0) > 0 && (look.revents & (POLLERR | POLLHUP)) != 0;
    }

    private static void Check(int descriptor)
    {
        if (!StandardStreams.IsOpen(descriptor))
            throw BrokenOutputException.Of(EBADF);
    }

    private static unsafe int Some(int descriptor, ReadOnlySpan<byte> bytes, int patience)
    {
        fixed (byte* start = bytes)
        {
            var written = write(descriptor, start, bytes.Length);
            if (written >= 0)
                return (int)written;
        }
        var error = SafeFd.LastErrno;
        // A terminal or pipe may have been set to O_NONBLOCK by whoever shares it.
        if (error == EAGAIN)
            IsWritable(descriptor, patience);
        else if (error != EINTR)
            throw BrokenOutputException.Of(error.Number);
        return 0;
    }

    private static unsafe bool IsWritable(int descriptor, int patience)
    {
        var wait = new pollfd { fd = descriptor, events = POLLOUT };
        return Libc.poll(&wait, 1, patience) != 0;
    }
}
