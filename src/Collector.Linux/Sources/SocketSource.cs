using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// Whether the TCP sockets of all namespaces are read in one pass, or each namespace is asked by sock_diag: the part
/// <c>sockets</c> of the collection. Decided at the first collection, by comparing both in the node's namespace.
/// </summary>
internal sealed class SocketSource : IDisposable
{
    /// <summary>Collections in a row that a walk could not give: it is not tried for ever.</summary>
    private const int MostFailures = 16;

    private readonly BpfHost _bpf;
    private readonly NetAddresses _addresses;
    private readonly NamespaceRegistry _namespaces;
    private readonly LimitSet _limits;
    private readonly CollectedPart _part;
    private SocketPass? _pass;
    private int _slots;
    private int _failures;
    private long _failed = -1;

    public SocketSource(
        BpfHost bpf, NetAddresses addresses, NamespaceRegistry namespaces, LimitSet limits, CollectedParts parts)
    {
        (_bpf, _addresses, _namespaces, _limits) = (bpf, addresses, namespaces, limits);
        _part = parts.Add("sockets", Dispose);
    }

    /// <summary>The pass of that collection; null where namespaces are to be asked one by one.</summary>
    /// <remarks>So are those that leave between two collections, which the next pass would not find any more.</remarks>
    public SocketPass? PassOf(long tick)
    {
        if (tick < 0)
            return null;
        if (!_part.IsChosen || (_pass is not null && _slots < _namespaces.All.Count))
            Choose();
        if (_pass is null)
            return null;
        if (_pass.EnsureRead(tick))
        {
            _failures = 0;
            return _pass;
        }
        if (_failed != tick)
            CountFailure(_pass.Failure);
        _failed = tick;
        return null;
    }

    private void CountFailure(string reason)
    {
        _part.CountFallback(reason);
        if (++_failures < MostFailures)
            return;
        _failures = 0;
        _part.Choose(false, $"{MostFailures} collections in a row failed: {reason}");
    }

    private void Choose()
    {
        _pass?.Dispose();
        _pass = null;
        if (_part.IsDeclined())
            return;
        var reason = _addresses.Start(this) ? Try() : _addresses.Failure;
        _part.Choose(_pass is not null, reason);
    }

    private string Try()
    {
        SocketPass? pass = null;
        try
        {
            // Known pods come on top of the limits.
            _slots = Math.Max(_limits.Namespaces.Most + _limits.Rootless.Most + 1, _namespaces.All.Count * 2);
            pass = new SocketPass(_namespaces, new SocketWalker(_bpf, _slots), _slots);
            using var check = new SocketCheck();
            if (check.Difference(pass, _namespaces.Host) is { } difference)
                return difference;
            (_pass, pass) = (pass, null);
            return "one walk of the kernel's tables, which agrees with sock_diag";
        }
        catch (Exception e) when (e is ProbeUnavailableException or LinuxException)
        {
            return e.Message;
        }
        finally
        {
            pass?.Dispose();
        }
    }

    /// <summary>Gives back what it has in the kernel; it may be chosen again.</summary>
    public void Dispose()
    {
        _pass?.Dispose();
        _pass = null;
        _addresses.Release(this);
    }
}
