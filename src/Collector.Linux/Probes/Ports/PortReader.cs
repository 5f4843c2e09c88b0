using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>What is known of the ports of one namespace.</summary>
internal sealed class PortReader(NetNamespace ns, int top) : IDisposable
{
    private ReservedPortsFile? _reserved;
    private InetDiag? _diag;
    private InetDiag? _datagramDiag;
    private ConntrackDump? _dump;

    /// <summary>Of its own connections.</summary>
    public PortFill Local { get; } = new();

    /// <summary>Of its UDP sockets.</summary>
    public PortFill Datagrams { get; } = new();

    /// <summary>Of those that it gives another source.</summary>
    public PortFill Translated { get; } = new();

    /// <summary>When its sockets may be asked for again.</summary>
    public long NextSockets { get; set; }

    /// <summary>The same of UDP sockets.</summary>
    public long NextDatagrams { get; set; }

    /// <summary>The same of connection tracking.</summary>
    public long NextEntries { get; set; }

    /// <summary>
    /// Of this probe alone: a source that is not asked for in each collection would be made again each time.
    /// </summary>
    public PortRangeFile Range { get; } = new();

    /// <summary>It was read.</summary>
    public bool RangeIsKnown { get; set; }

    /// <summary>The collection in which it is read again.</summary>
    public long RangeAt { get; set; }

    public Row? LocalRow { get; set; }

    public Row? TranslatedRow { get; set; }

    /// <summary>The fullest groups: one at least, which counts for the namespace.</summary>
    public FullestGroups Top { get; } = new(ns, Math.Max(top, 1));

    /// <summary>Local addresses whose UDP sockets have most ports.</summary>
    public FullestGroups DatagramTop { get; } = new(ns, top);

    public TimeWaitReuseFile Reuse { get; } = new();

    public ReservedPortsFile Reserved => _reserved ??= new ReservedPortsFile();

    /// <summary>Opened by the first question.</summary>
    public InetDiag Diag => _diag ??= new InetDiag();

    /// <summary>The same for UDP.</summary>
    public InetDiag DatagramDiag => _datagramDiag ??= new InetDiag(perFamily: true, SockDiag.IPPROTO_UDP);

    public ConntrackDump Dump => _dump ??= new ConntrackDump();

    /// <summary>Few are in use: nothing is kept open.</summary>
    public void ForgetLocal()
    {
        Local.Forget();
        Top.Clear();
        Reuse.Dispose();
        _diag?.Dispose();
        _diag = null;
    }

    /// <summary>The same of UDP sockets.</summary>
    public void ForgetDatagrams()
    {
        Datagrams.Forget();
        DatagramTop.Clear();
        _datagramDiag?.Dispose();
        _datagramDiag = null;
    }

    /// <summary>Neither is near its limit.</summary>
    public void CloseRange()
    {
        Range.Dispose();
        _reserved?.Dispose();
        _reserved = null;
    }

    public void ForgetTranslated()
    {
        Translated.Forget();
        _dump?.Dispose();
        _dump = null;
    }

    public void Dispose()
    {
        ForgetLocal();
        ForgetDatagrams();
        CloseRange();
        ForgetTranslated();
    }
}
