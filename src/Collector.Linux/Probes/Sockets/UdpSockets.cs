using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Sockets;

/// <summary>The UDP sockets of one namespace.</summary>
public sealed class UdpSockets : IDisposable
{
    private readonly InetDiag _diag = new(perFamily: true, SockDiag.IPPROTO_UDP);
    private readonly UdpRows _rows;
    private readonly Row _row;
    private readonly int _most;
    private bool _any;

    internal UdpSockets(UdpRows rows, Row row, int most) => (_rows, _row, _most) = (rows, row, most);

    internal string Failure => _diag.Failure;

    /// <param name="ns">The namespace.</param>
    /// <param name="snapshot">The collection.</param>
    /// <param name="pass">What was found in all namespaces; null: sock_diag is asked.</param>
    internal bool Read(NamespaceHandle ns, SnapshotBuilder snapshot, SocketPass? pass)
    {
        if (pass is not null && pass.TryFindUdp(ns, out var totals, out var sockets))
            _rows.Take(totals, sockets);
        else if (!HasNone(ns, snapshot.Tick) && !_diag.Ask(ns, InetDiag.All, memory: true, _rows))
            return false;
        _rows.Rank(_most);
        return _rows.Commit(ns, snapshot);
    }

    // A walk of the table for each address family costs more than two small files, which other probes read, too.
    private bool HasNone(NamespaceHandle ns, long tick)
    {
        var (ipv4, ipv6) = (ns.Source<SockstatFile>(), ns.Source<Sockstat6File>());
        var none = ipv4.EnsureRead(ns, tick) && ipv4.Figures[SockstatField.UdpInuse] == 0
            && (ipv6.EnsureRead(ns, tick)
                ? ipv6.Figures[SockstatField.UdpInuse] == 0
                : ipv6.Failure.Length == 0);
        if (none)
            _rows.Take(default, default);
        return none;
    }

    /// <summary>A namespace that never had such a socket has no row.</summary>
    internal void Write(SnapshotBuilder snapshot)
    {
        _any |= _rows.Totals.Sockets > 0;
        if (_any)
            UdpSummary.Write(_row, snapshot, _rows.Totals);
        _rows.Write(snapshot);
    }

    public void Dispose()
    {
        _rows.Close();
        _diag.Dispose();
    }
}
