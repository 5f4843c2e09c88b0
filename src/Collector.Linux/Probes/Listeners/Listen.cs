using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Listeners;

/// <summary>
/// Listeners that drop handshakes, each as an event: where, whose, how deep its queue is and who set the limit.
/// </summary>
/// <remarks>
/// No tracepoint sees a SYN that a listener drops, for it is freed as if it had been used. So each collection looks how
/// many each listener has dropped: one event for it, however many there were. Who sent them shows when they come again.
/// </remarks>
internal sealed class Listen : PerNamespaceProbe<ListenReader>
{
    private static readonly Metric Dropping = Metric.UpDownCounter("netlens.listen.dropping", Units.Sockets,
        "Listeners that dropped handshakes since the collection before.");

    private static readonly TableInfo Table = new("listen", RowScope.Namespace, [], [Dropping]);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "listen",
        Description = "Listeners that drop handshakes or send cookies, as events: queue, whose limit, who listens.",
        Source = "the walk of the kernel's tables that tcpsummary has, else sock_diag; /proc/net/netstat and "
            + "net.core.somaxconn of a namespace where one drops; tracepoint net:netif_receive_skb while one does",
        Tables = [Table],
        Events = [ListenKinds.Overflow, ListenKinds.Cookies],
    };

    private static readonly MibWish Wish = MibWish.Of(["TcpExt"], false);

    private readonly SocketHolders _holders;
    private readonly UnansweredSyns _syns;
    private readonly EventDecoder<ListenRecord> _decoder;
    private readonly ListenerReport _report;
    private long _lost;

    public Listen(ProbeHost host) : base(Info, host)
    {
        _holders = new SocketHolders(host.Paths);
        _syns = new UnansweredSyns(host.Bpf);
        var (overflow, cookies) = (ListenKinds.OverflowOf(_holders), ListenKinds.CookiesOf(_holders));
        _decoder = new EventDecoder<ListenRecord>(
            host, (in e) => e.Cause == ListenCause.Cookies ? cookies : overflow);
        _report = Report;
    }

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs sock_diag; a recorded tree has only files");
        Host.Bpf.Resolver.Start();
    }

    protected override ListenReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(Table, ns.Namespace, ns.Namespace.StartTime), _syns);

    protected override void Collect(ListenReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        _syns.Begin(snapshot.Tick);
        var figures = Host.Mib.Read(ns, snapshot.Tick, Wish);
        if (!reader.Read(ns, snapshot.Tick, Host.Sockets.PassOf(snapshot.Tick), figures, _report))
        {
            snapshot.ReadFailed(reader.Failure);
            return;
        }
        if (reader.HadListeners)
            snapshot.Append(reader.Row).Set(Dropping, reader.Dropping);
        var lost = _decoder.Losses.CrowdedOut + _decoder.Losses.Undecoded;
        if (lost > _lost)
            snapshot.ReadFailed("events_lost");
        _lost = lost;
    }

    private void Report(in ListenRecord record) =>
        _decoder.OnRecord(MemoryMarshal.AsBytes(new ReadOnlySpan<ListenRecord>(in record)));

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _holders.Dispose();
        _syns.Dispose();
    }
}
