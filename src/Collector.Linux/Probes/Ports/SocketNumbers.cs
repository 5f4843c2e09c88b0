using Collector.Core.Snapshots;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>How many sockets of a namespace may have local ports, by what other probes have read as well.</summary>
internal sealed class SocketNumbers(ProbeHost host)
{
    /// <summary>TCP sockets that may have a port of the range: all but listeners and what came from outside.</summary>
    public long Streams(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (host.Sockets.PassOf(snapshot.Tick) is { } pass && pass.TryFind(ns, out var totals, out _))
        {
            var sum = 0L;
            foreach (var count in (ReadOnlySpan<uint>)totals.States)
                sum += count;
            return sum - totals.States[SocketCounts.Listen] - totals.Roles[1].Connections;
        }
        return InUse([SockstatField.TcpInuse, SockstatField.TcpTw], ns, snapshot);
    }

    /// <summary>UDP sockets that have a port.</summary>
    public long Datagrams(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        host.Sockets.UdpPassOf(snapshot.Tick) is { } pass && pass.TryFindUdp(ns, out var totals, out _)
            ? totals.Sockets
            : InUse([SockstatField.UdpInuse], ns, snapshot);

    private long InUse(ReadOnlySpan<SockstatField> fields, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (host.Mib.ReadSockets(ns, snapshot.Tick) is { } use)
            return Sum(use.IPv4, fields) + (use.HasIPv6 ? Sum(use.IPv6, fields) : 0);
        return Sum(ns.Source<SockstatFile>(), fields, ns, snapshot)
            + Sum(ns.Source<Sockstat6File>(), fields, ns, snapshot);
    }

    private static long Sum(
        SockstatLines file, ReadOnlySpan<SockstatField> fields, NamespaceHandle ns, SnapshotBuilder snapshot) =>
        Ports.TryRead(file, ns, snapshot) ? Sum(file.Figures, fields) : 0;

    private static long Sum(SockstatFigures figures, ReadOnlySpan<SockstatField> fields)
    {
        var sum = 0L;
        foreach (var field in fields)
            sum += Math.Max(0, figures[field]);
        return sum;
    }
}
