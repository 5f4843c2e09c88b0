using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// A map that all objects with one of its name have together. The first that is loaded makes it; it stays until the
/// agent ends, whichever object goes first. For the collection thread.
/// </summary>
/// <param name="name">Its name in C.</param>
internal sealed class SharedBpfMap(string name) : IDisposable
{
    private SafeFd? _map;

    /// <summary>Before an object is loaded.</summary>
    /// <exception cref="LinuxException">libbpf does not take it.</exception>
    public void GiveTo(BpfObject opened)
    {
        if (_map is not null)
            Of(opened)?.Borrow(_map);
    }

    /// <summary>After it was loaded.</summary>
    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public void KeepOf(BpfObject loaded)
    {
        if (_map is not null || Of(loaded) is not { } map)
            return;
        var fd = fcntl(map.Fd, F_DUPFD_CLOEXEC, 0);
        _map = fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last($"share map {name}");
    }

    private BpfMap? Of(BpfObject its) => its.Maps.FirstOrDefault(m => m.Name == name);

    public void Dispose() => _map?.Dispose();
}
