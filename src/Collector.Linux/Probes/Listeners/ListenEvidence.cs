using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Listeners;

/// <summary>
/// What a namespace's counters say about why its listeners dropped handshakes. Where they are not at hand, a file is
/// read only at the first look and when a listener has: in between those of drops do not move.
/// </summary>
internal sealed class ListenEvidence
{
    private const int Overflows = 0;
    private const int Full = 1;
    private const int Sent = 2;
    private const int Received = 3;
    private const int Drops = 4;

    // From here on: what a listener counts as dropped beside.
    private const int Harmless = 5;

    private static readonly string[] Names =
    [
        "ListenOverflows", "TCPReqQFullDrop", "SyncookiesSent", "SyncookiesRecv", "ListenDrops", "TCPSynRetrans",
        "TCPACKSkippedSynRecv", "TCPDeferAcceptDrop", "EmbryonicRsts",
    ];

    private readonly int[] _at = new int[Names.Length];
    private readonly long[] _last = new long[Names.Length];
    private readonly long[] _growth = new long[Names.Length];
    private MibLayout? _layout;
    private bool _known;
    private bool _read;
    private long _tick = long.MinValue;
    private (bool Accept, bool Syn) _full;

    /// <summary>SYNs that were answered with a cookie since the last time.</summary>
    public long CookiesSent => _growth[Sent];

    /// <summary>Handshakes that were completed with one.</summary>
    public long CookiesReceived => _growth[Received];

    /// <summary>
    /// Packets of handshakes that the namespace's listeners dropped since the last time; null: nobody could tell.
    /// </summary>
    public long? Dropped => _read && _at[Drops] >= 0 ? _growth[Drops] : null;

    /// <summary>
    /// What a listener counts as dropped though nothing is lost, or once more than it is, at most: SYNs that came
    /// again, acknowledgements whose data is waited for (TCP_DEFER_ACCEPT), resets of handshakes, and
    /// acknowledgements that met a full accept queue.
    /// </summary>
    public long Repeated
    {
        get
        {
            var sum = _growth[Overflows];
            for (var i = Harmless; i < Names.Length; i++)
                sum += _growth[i];
            return sum;
        }
    }

    /// <summary>False where <see cref="Repeated"/> is of a longer time than since the collection before.</summary>
    public bool IsRecent { get; private set; }

    /// <summary>Looks what moved since the last time; nothing, the first time.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="tick">The collection.</param>
    /// <param name="figures">What the pass over all namespaces has read; null: there is none.</param>
    /// <param name="reads">A file is worth reading: a listener dropped handshakes, or it is the first look.</param>
    public void Read(NamespaceHandle ns, long tick, MibFigures? figures, bool reads)
    {
        _growth.AsSpan().Clear();
        _read = false;
        if (SectionOf(ns, tick, figures, reads) is not { } section)
            return;
        if (section.Layout != _layout)
            Learn(section.Layout);
        for (var i = 0; i < Names.Length; i++)
        {
            if (_at[i] < 0)
                continue;
            var value = section.Values[_at[i]];
            _growth[i] = _known ? value - _last[i] : 0;
            _last[i] = value;
        }
        _known = true;
        _read = true;
        IsRecent = _tick == tick - 1;
        _tick = tick;
        // A drop of which the listener tells a collection later has the cause that was told before.
        if (Dropped is not 0)
            _full = (_growth[Overflows] > 0, _growth[Full] > 0);
    }

    /// <summary>Where both queues overflowed, a listener whose accept queue is full now dropped for that.</summary>
    public ListenCause CauseOf(uint depth, uint limit) => _full switch
    {
        (true, false) => ListenCause.AcceptQueue,
        (false, true) => ListenCause.SynQueue,
        _ when depth > limit => ListenCause.AcceptQueue,
        (true, true) => ListenCause.SynQueue,
        _ => ListenCause.Other,
    };

    private void Learn(MibLayout layout)
    {
        _layout = layout;
        for (var i = 0; i < Names.Length; i++)
            _at[i] = Array.IndexOf([.. layout.Counters], Names[i]);
    }

    private static MibSection? SectionOf(NamespaceHandle ns, long tick, MibFigures? figures, bool reads)
    {
        if (figures?.Find("TcpExt") is { } section)
            return section;
        if (!reads)
            return null;
        var netstat = ns.Source<NetstatFile>();
        return netstat.EnsureRead(ns, tick) ? netstat.Find("TcpExt") : null;
    }
}
