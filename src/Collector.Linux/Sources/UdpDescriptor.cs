using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>A UDP socket of this process, for as long as a program looks where the kernel keeps all of them.</summary>
internal readonly struct UdpDescriptor : IDisposable
{
    private readonly int _fd;

    public UdpDescriptor() => _fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /// <summary>A number that no descriptor has where there is none.</summary>
    public uint Value => (uint)_fd;

    public void Dispose()
    {
        if (_fd >= 0)
            _ = close(_fd);
    }
}
