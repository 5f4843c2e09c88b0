using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Whether the sockets of all namespaces are read in one pass, or each namespace is asked by sock_diag: the parts
/// <c>sockets</c> (TCP) and <c>udp_sockets</c> of the collection. Each is decided when a probe first asks, by comparing
/// in the node's namespace.
/// </summary>
internal sealed class SocketSource : IDisposable
{
    private readonly BpfHost _bpf;
    private readonly NetAddresses _addresses;
    private readonly NamespaceRegistry _namespaces;
    private readonly LimitSet _limits;
    private readonly SocketPart _tcp;
    private readonly SocketPart _udp;
    private SocketPass? _pass;
    private int _slots;

    public SocketSource(
        BpfHost bpf, NetAddresses addresses, NamespaceRegistry namespaces, LimitSet limits, CollectedParts parts)
    {
        (_bpf, _addresses, _namespaces, _limits) = (bpf, addresses, namespaces, limits);
        _tcp = new(parts.Add("sockets", Release))
        {
            Read = static (pass, tick) => pass.EnsureRead(tick),
            Check = static (pass, ns) =>
            {
                using var check = new SocketCheck();
                return check.Difference(pass, ns);
            },
            Agrees = "one walk of the kernel's tables, which agrees with sock_diag",
        };
        _udp = new(parts.Add("udp_sockets", Release))
        {
            Read = static (pass, tick) => pass.EnsureUdpRead(tick),
            Check = UdpCheck.Difference,
            Agrees = "one walk of the kernel's tables, which agrees with sockstat",
        };
    }

    /// <summary>The pass over TCP of that collection; null where namespaces are to be asked one by one.</summary>
    /// <remarks>So are those that leave between two collections, which the next pass would not find any more.</remarks>
    public SocketPass? PassOf(long tick) => Of(_tcp, tick);

    /// <summary>The same of UDP.</summary>
    public SocketPass? UdpPassOf(long tick) => Of(_udp, tick);

    private SocketPass? Of(SocketPart part, long tick)
    {
        if (tick < 0)
            return null;
        if (!part.IsChosen || (part.FromKernel && (_pass is null || _slots < _namespaces.All.Count)))
            Choose(part);
        return part.FromKernel && part.TryRead(_pass!, tick) ? _pass : null;
    }

    private void Choose(SocketPart part)
    {
        if (part.IsDeclined())
            return;
        var difference = _addresses.Start(this) ? Load() : _addresses.Failure;
        part.Choose(difference ?? part.Check(_pass!, _namespaces.Host));
    }

    // Null, or why it cannot be had.
    private string? Load()
    {
        if (_pass is not null && _slots >= _namespaces.All.Count)
            return null;
        _pass?.Dispose();
        _pass = null;
        try
        {
            // Known pods come on top of the limits.
            _slots = Math.Max(_limits.Namespaces.Most + _limits.Rootless.Most + 1, _namespaces.All.Count * 2);
            _pass = new SocketPass(_namespaces, new SocketWalker(_bpf, _slots), _slots);
            return null;
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            return e.Message;
        }
    }

    // A part does not use the pass any more.
    private void Release()
    {
        if (!_tcp.FromKernel && !_udp.FromKernel)
            Dispose();
    }

    /// <summary>Gives back what it has in the kernel; it may be chosen again.</summary>
    public void Dispose()
    {
        _pass?.Dispose();
        _pass = null;
        _addresses.Release(this);
    }
}
