using System.Runtime.InteropServices;

namespace Collector.Worker.Events;

/// <summary>
/// Standard output, by write(2): the runtime's own stream says nothing when the reader of a pipe has gone, and what
/// was lost could not be counted.
/// </summary>
internal sealed partial class StandardOutput : ILineTarget
{
    // include/uapi/asm-generic/errno-base.h and poll.h
    private const int EINTR = 4;
    private const int EAGAIN = 11;
    private const short POLLOUT = 4;

    private readonly int _descriptor;
    private readonly Stream? _stream;

    public StandardOutput(int descriptor = 1)
    {
        _descriptor = descriptor;
        if (!OperatingSystem.IsLinux())
            _stream = Console.OpenStandardOutput();
    }

    public void Write(ReadOnlySpan<byte> lines)
    {
        if (_stream is not null)
        {
            _stream.Write(lines);
            return;
        }
        while (lines.Length > 0)
        {
            var written = write(_descriptor, in MemoryMarshal.GetReference(lines), (nuint)lines.Length);
            if (written >= 0)
                lines = lines[(int)written..];
            else
                Handle(Marshal.GetLastPInvokeError());
        }
    }

    public override string ToString() => "standard output";

    public void Dispose() => _stream?.Dispose();

    // A terminal or pipe may have been set to O_NONBLOCK by whoever shares it.
    private void Handle(int error)
    {
        var wait = new PollDescriptor { Descriptor = _descriptor, Events = POLLOUT };
        if (error == EAGAIN)
            _ = poll(ref wait, 1, -1);
        else if (error != EINTR)
            throw new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    // struct pollfd, poll(2)
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    // ssize_t write(int fd, const void *buf, size_t count);
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint write(int fd, in byte buf, nuint count);

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int poll(ref PollDescriptor fds, nuint nfds, int timeout);
}
