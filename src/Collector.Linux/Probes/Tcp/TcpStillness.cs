using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// Tells whether anything can have happened to a namespace's connections since the collection before, so that the walk
/// of the sockets need not be repeated: it costs the whole machine's hash table and sockets in every namespace
/// (0.4 ms with 262,144 buckets, and 70 ns per socket of the machine).
/// </summary>
/// <remarks>
/// Exact, not a guess. Where every connection is established, half closed by the peer or in TIME_WAIT, with empty
/// queues, no state and no queue changes without a segment in or out, a retransmission or a reset (all of them in the
/// Tcp line of /proc/net/snmp), a socket less or more (sockstat: inuse) or a TIME_WAIT that ended (sockstat: tw). The
/// figures are read before the walk, so that what happens meanwhile counts for the next time. Data held back by
/// TCP_CORK or a closed window leaves a probe or a segment within 200 ms, and is seen one collection later.
/// </remarks>
internal sealed class TcpStillness
{
    private const int Established = 1;
    private const int TimeWait = 6;
    private const int CloseWait = 8;
    private static readonly MibWish TcpOnly = MibWish.Of(["Tcp"], false);
    private long[] _last = [];
    private long[] _now = [];
    private bool _settled;

    /// <summary>Reads the figures; true when the last walk still holds.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="tick">The collection.</param>
    /// <param name="pass">Has them, perhaps; null: they are read by /proc.</param>
    public bool Holds(NamespaceHandle ns, long tick, MibPass? pass)
    {
        (_last, _now) = (_now, _last);
        var known = Read(ns, tick, pass);
        return known && _settled && _last.AsSpan().SequenceEqual(_now);
    }

    /// <summary>Says what a walk found; to be called after each.</summary>
    public void Walked(SocketCounts counts, bool complete)
    {
        var quiet = counts.InState(Established) + counts.InState(TimeWait) + counts.InState(CloseWait);
        _settled = complete && counts is { ReceiveQueue: 0, SendQueue: 0 } && quiet == counts.All;
    }

    /// <summary>The last figures are of another source: the next walk cannot be left out.</summary>
    public void Forget() => _settled = false;

    private static MibSection? TcpLine(NamespaceHandle ns, long tick, MibPass? pass)
    {
        if (pass?.Read(ns, tick, TcpOnly)?.Find("Tcp") is { } section)
            return section;
        var snmp = ns.Source<SnmpFile>();
        return snmp.EnsureRead(ns, tick) ? snmp.Find("Tcp") : null;
    }

    // Without IPv6 there is no second, and then nothing of it can change.
    private static (SockstatFigures? IPv4, SockstatFigures? IPv6) SocketsOf(
        NamespaceHandle ns, long tick, MibPass? pass)
    {
        if (pass?.ReadSockets(ns, tick) is { } use)
            return (use.IPv4, use.HasIPv6 ? use.IPv6 : null);
        var ipv4 = ns.Source<SockstatFile>();
        var ipv6 = ns.Source<Sockstat6File>();
        return (ipv4.EnsureRead(ns, tick) ? ipv4.Figures : null, ipv6.EnsureRead(ns, tick) ? ipv6.Figures : null);
    }

    private bool Read(NamespaceHandle ns, long tick, MibPass? pass)
    {
        var (ipv4, ipv6) = SocketsOf(ns, tick, pass);
        if (TcpLine(ns, tick, pass) is not { } tcp || ipv4 is null)
        {
            _now.AsSpan().Clear();
            return false;
        }
        var values = tcp.Values;
        if (_now.Length != values.Length + 3)
            _now = new long[values.Length + 3];
        values.CopyTo(_now);
        _now[^3] = ipv4[SockstatField.TcpInuse];
        _now[^2] = ipv4[SockstatField.TcpTw];
        _now[^1] = ipv6?[SockstatField.TcpInuse] ?? 0;
        return true;
    }
}
