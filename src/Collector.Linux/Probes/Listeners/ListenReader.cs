using System.Runtime.CompilerServices;
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
    private readonly Dictionary<ulong, Count> _drops = [];
    private (long Dropped, long Repeated) _credit;
    private long _repeatedBefore;
    private bool _late;
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
        var moved = Note(tick) || _late;
        _evidence.Read(ns, tick, figures, moved || !_known);
        Dropping = 0;
        // What was dropped before the first look is history.
        if (_known)
            ReportDrops(ns, tick, moved, report);
        if (_evidence.CookiesSent > 0)
            ReportCookies(ns, tick, report);
        _known = true;
        return true;
    }

    private bool Note(long tick)
    {
        var moved = false;
        _growth.Clear();
        foreach (ref readonly var listener in CollectionsMarshal.AsSpan(_listeners))
        {
            var growth = GrowthOf(listener, tick);
            _growth.Add(growth);
            moved |= growth > 0;
        }
        if (_drops.Count != _listeners.Count)
            DropGone(tick);
        return moved;
    }

    // A listener's own counter has more than the handshakes that it dropped (ListenDrops of its namespace): SYNs that
    // came again while the first was answered and the like, which are no loss, and what a socket filter or a key of
    // TCP MD5 refused, which is. The counters are not read in one instant: what only one of them has waits for the next
    // collection. A listener whose queue is full comes first.
    private void ReportDrops(NamespaceHandle ns, long tick, bool moved, ListenerReport report)
    {
        _late = false;
        var (dropped, repeated) = (_evidence.Dropped, _evidence.Repeated);
        // A file that was not read for long has the SYNs that its namespace's own clients repeated meanwhile.
        if (!_evidence.IsRecent)
            repeated = Math.Min(repeated, Moved());
        var left = (Dropped: dropped + _credit.Dropped ?? long.MaxValue, Repeated: repeated + _credit.Repeated);
        for (var round = 0; moved && round < 2; round++)
        {
            for (var i = 0; i < _listeners.Count; i++)
            {
                if (_listeners[i].ReceiveQueue > _listeners[i].Limit != (round == 0))
                    continue;
                var (mine, other) = Claim(_listeners[i].Id, _growth[i], ref left);
                if (mine + other > 0)
                    report(Dropped(ns, tick, _listeners[i], mine, other));
            }
        }
        _credit = (Math.Min(left.Dropped, dropped ?? 0), Math.Min(left.Repeated, repeated + _repeatedBefore));
        _repeatedBefore = repeated;
    }

    private long Moved()
    {
        var sum = 0L;
        foreach (var growth in _growth)
            sum += growth;
        return sum;
    }

    // Handshakes that it dropped, and what else it refused.
    private (long Mine, long Other) Claim(ulong id, long growth, ref (long Dropped, long Repeated) left)
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrNullRef(_drops, id);
        if (Unsafe.IsNullRef(ref count))
            return default;
        var mine = Math.Min(growth + count.Late, left.Dropped);
        var old = Math.Max(0, count.Late - mine);
        var again = Math.Min(old, left.Repeated);
        left = (left.Dropped - mine, left.Repeated - again);
        count.Late = growth + count.Late - mine - old;
        _late |= count.Late > 0;
        return (mine, old - again);
    }

    private ListenRecord Dropped(NamespaceHandle ns, long tick, in SocketMessage listener, long mine, long other)
    {
        Dropping++;
        var record = RecordOf(ns, listener, tick);
        record.Dropped = mine + other;
        record.Cause = mine > 0 ? _evidence.CauseOf(record.Depth, record.Limit) : ListenCause.Other;
        record.Unanswered = syns.Ask(ns.Namespace, record.Port, tick);
        return record;
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
        known.Drops = (uint)listener.Drops;
        known.Tick = tick;
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

    /// <summary>What a listener has dropped, as of the last collection that saw it.</summary>
    private struct Count
    {
        public uint Drops;
        public long Tick;

        /// <summary>Of the collection before, and not in the namespace's counter then.</summary>
        public long Late;
    }
}
