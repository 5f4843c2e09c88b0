using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Listeners;

/// <summary>Takes what a listener is to be reported for.</summary>
internal delegate void ListenerReport(in ListenRecord record);

/// <summary>The listeners of one namespace, and what each has dropped until the last collection.</summary>
/// <param name="row">The namespace's row.</param>
/// <param name="syns">Knows who is refused.</param>
internal sealed class ListenReader(Row row, UnansweredSyns syns) : INetlinkSink, IDisposable
{
    private readonly InetDiag _diag = new();
    private readonly ListenEvidence _evidence = new();
    private readonly List<SocketMessage> _listeners = [];
    private readonly List<long> _growth = [];
    private readonly Dictionary<ulong, (uint Drops, long Tick)> _drops = [];
    private bool _known;

    public Row Row => row;

    public string Failure => _diag.Failure;

    /// <summary>Somebody listens in the namespace, or did: others need no row.</summary>
    public bool HadListeners { get; private set; }

    /// <summary>Listeners that dropped handshakes since the collection before.</summary>
    public int Dropping { get; private set; }

    public void Begin() => _listeners.Clear();

    public bool Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        if (socket.State == SocketCounts.Listen)
            _listeners.Add(socket);
        return true;
    }

    /// <param name="ns">The namespace.</param>
    /// <param name="tick">The collection.</param>
    /// <param name="pass">What was found in all namespaces; null: sock_diag is asked.</param>
    /// <param name="figures">The same of counters; null: a file is read where it is needed.</param>
    /// <param name="report">Called for each listener that dropped handshakes, and for one that sent cookies.</param>
    public bool Read(
        NamespaceHandle ns, long tick, SocketPass? pass, MibFigures? figures, ListenerReport report)
    {
        if (!Find(ns, pass))
            return false;
        HadListeners |= _listeners.Count > 0;
        Dropping = Note(tick);
        _evidence.Read(ns, tick, figures, Dropping > 0 || !_known);
        if (Dropping > 0)
            ReportDrops(ns, tick, report);
        if (_evidence.CookiesSent > 0)
            ReportCookies(ns, tick, report);
        _known = true;
        return true;
    }

    private int Note(long tick)
    {
        var dropping = 0;
        _growth.Clear();
        foreach (ref readonly var listener in CollectionsMarshal.AsSpan(_listeners))
        {
            var growth = GrowthOf(listener, tick);
            _growth.Add(growth);
            if (growth > 0)
                dropping++;
        }
        if (_drops.Count != _listeners.Count)
            DropGone(tick);
        // What was dropped before the first look is history.
        return _known ? dropping : 0;
    }

    private void ReportDrops(NamespaceHandle ns, long tick, ListenerReport report)
    {
        for (var i = 0; i < _listeners.Count; i++)
        {
            if (_growth[i] == 0)
                continue;
            var record = RecordOf(ns, _listeners[i], tick);
            record.Dropped = _growth[i];
            record.Cause = _evidence.CauseOf(record.Depth, record.Limit);
            record.Unanswered = syns.Ask(ns.Namespace, record.Port, tick);
            report(record);
        }
    }

    // The counters are the namespace's: it is the listener that has the most handshakes under way.
    private void ReportCookies(NamespaceHandle ns, long tick, ListenerReport report)
    {
        var most = -1;
        for (var i = 0; i < _listeners.Count; i++)
        {
            if (_listeners[i].HalfOpen > (most < 0 ? 0 : _listeners[most].HalfOpen))
                most = i;
        }
        if (most < 0)
            return;
        var record = RecordOf(ns, _listeners[most], tick);
        record.Cause = ListenCause.Cookies;
        report(record);
    }

    private bool Find(NamespaceHandle ns, SocketPass? pass)
    {
        if (pass is null || !pass.TryFind(ns, out _, out var listeners))
            return _diag.Ask(ns, InetDiag.Listen, memory: true, this);
        _listeners.Clear();
        _listeners.AddRange(listeners);
        return true;
    }

    // A counter of 32 bits that wraps; a new socket begins with 0.
    private long GrowthOf(in SocketMessage listener, long tick)
    {
        if (listener.Drops < 0)
            return 0;
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_drops, listener.Id, out _);
        var growth = unchecked((uint)listener.Drops - known.Drops);
        known = ((uint)listener.Drops, tick);
        return growth;
    }

    private void DropGone(long tick)
    {
        foreach (var (id, known) in _drops)
        {
            if (known.Tick != tick)
                _drops.Remove(id);
        }
    }

    private ListenRecord RecordOf(NamespaceHandle ns, in SocketMessage listener, long tick)
    {
        var somaxconn = ns.Source<SomaxconnFile>();
        return new ListenRecord
        {
            Head = new(KernelClock.Monotonic(), ns.Namespace),
            Address = listener.LocalAddress,
            Port = listener.LocalPort,
            Inode = listener.Inode,
            CookiesSent = _evidence.CookiesSent,
            CookiesReceived = _evidence.CookiesReceived,
            HalfOpen = listener.HalfOpen,
            Somaxconn = somaxconn.EnsureRead(ns, tick) ? somaxconn.Value : 0,
            Depth = listener.ReceiveQueue,
            Limit = listener.Limit,
        };
    }

    public void Dispose() => _diag.Dispose();
}
