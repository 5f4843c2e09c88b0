using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Writing to a descriptor that somebody else opened, and may have set to anything.</summary>
public static class DescriptorOutput
{
    /// <summary>Writes all bytes by write(2), and waits where the other end is slow.</summary>
    /// <exception cref="IOException">The system's reason why they cannot be written.</exception>
    public static unsafe void Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var done = 0;
            while (done < bytes.Length)
            {
                var written = write(descriptor, start + done, bytes.Length - done);
                if (written >= 0)
                    done += (int)written;
                else
                    Handle(descriptor, SafeFd.LastErrno);
            }
        }
    }

    // A terminal or pipe may have been set to O_NONBLOCK by whoever shares it.
    private static unsafe void Handle(int descriptor, Errno error)
    {
        var wait = new pollfd { fd = descriptor, events = POLLOUT };
        if (error == EAGAIN)
            _ = Libc.poll(&wait, 1, -1);
        else if (error != EINTR)
            throw new IOException(Marshal.GetPInvokeErrorMessage(error.Number));
    }
}
