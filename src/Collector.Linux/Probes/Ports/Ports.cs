using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>
/// Ports that run out: those that connect() takes by itself, towards one destination or for UDP, and those that SNAT
/// gives.
/// </summary>
/// <remarks>
/// TCP can use a port again for another destination, so what is full is one group: from an address to another's port.
/// Of UDP a port is one socket's, whatever that is connected to.
/// Sockets, or entries, are asked for only in a namespace that has an eighth as many as there are ports; others have no
/// row, and cost a look at a number that is known already.
/// </remarks>
internal sealed class Ports : PerNamespaceProbe<PortReader>
{
    /// <summary>A part of the range in sockets, from which it is worth a look.</summary>
    private const int Near = 8;

    /// <summary>A namespace with fewer sockets is not asked for its range.</summary>
    private const int Few = 6;

    /// <summary>Collections until the range, which has to be opened for it, is looked at again.</summary>
    private const int RangePause = 64;

    /// <summary>The same of whether connection tracking is loaded.</summary>
    private const int Pause = 16;

    /// <summary>More entries than are looked through at once: half a second.</summary>
    private const int MostEntries = 262_144;

    private const int MostTop = 32;
    private const string PortsUnit = "{port}";

    private static readonly Tag[] OfTcp = [new("network.transport", "tcp")];
    private static readonly Tag[] OfUdp = [new("network.transport", "udp")];

    internal static readonly Metric Used = MakeUsed(OfTcp);
    internal static readonly Metric UdpUsed = MakeUsed(OfUdp);
    internal static readonly Metric Limit = MakeLimit(OfTcp);
    internal static readonly Metric UdpLimit = MakeLimit(OfUdp);

    internal static readonly Metric TimeWait = Metric.Gauge("netlens.ports.time_wait", PortsUnit,
        "Of those in use, ports of connections that are over (TIME_WAIT).", OfTcp);

    internal static readonly Metric TimeToFull = MakeTimeToFull(OfTcp);
    internal static readonly Metric UdpTimeToFull = MakeTimeToFull(OfUdp);

    private static readonly Metric GroupUsed = Metric.Gauge("netlens.ports.group.used", PortsUnit,
        "Local ports in use from one address to another's port, or by UDP sockets of one address, of the fullest "
        + "(option top).");

    private static readonly Metric GroupTimeWait = Metric.Gauge("netlens.ports.group.time_wait", PortsUnit,
        "Of these, ports of connections that are over (TIME_WAIT).");

    internal static readonly Metric TranslatedUsed = Metric.Gauge("netlens.ports.snat.used", PortsUnit,
        "Ports of a translated source address in use towards the destination address and port that has most of them "
        + "(conntrack); of namespaces that track an eighth as many connections as there are ports.");

    internal static readonly Metric TranslatedLimit = Metric.Gauge("netlens.ports.snat.limit", PortsUnit,
        "Ports that SNAT may take, as the option snatPorts says.");

    private static readonly Metric TranslatedTimeWait = Metric.Gauge("netlens.ports.snat.time_wait", PortsUnit,
        "Of those in use, ports of connections that are over (TIME_WAIT).");

    internal static readonly Metric TranslatedTimeToFull = Metric.Gauge("netlens.ports.snat.time_to_full",
        Units.Seconds, "As netlens.ports.time_to_full.");

    private static readonly TableInfo Table =
        new("ports", RowScope.Namespace, [], [Used, UdpUsed, Limit, UdpLimit, TimeWait, TimeToFull, UdpTimeToFull]);

    private static readonly TableInfo GroupTable = new("ports.group", RowScope.Namespace,
        [new("source.address"), new("destination.address"), new("destination.port"), new("network.transport")],
        [GroupUsed, GroupTimeWait]);

    private static readonly TableInfo TranslatedTable = new("ports.snat", RowScope.Namespace, [],
        [TranslatedUsed, TranslatedLimit, TranslatedTimeWait, TranslatedTimeToFull]);

    private static readonly ProbeOption<long> Top = Option.Integer("top", 0,
        "How many of the fullest groups of each namespace have a row with their addresses, and as many local addresses "
        + "of UDP sockets; those of namespaces that any user can make have none.", least: 0, most: MostTop);

    private static readonly ProbeOption<TimeSpan> Warn = Option.Duration("warn", TimeSpan.FromMinutes(10),
        "Ports that will all be in use within this time are an event; 0: only when they are.");

    private static readonly ProbeOption<long> TranslatedPortsOption = Option.Integer("snatPorts", 64_512,
        "Ports that SNAT may take for one address: 1024 to 65535 where the rule has no range.", least: 1, most: 65_536);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "ports",
        Description =
            "Local ports and ports of SNAT towards one destination, and of UDP: in use, limit, time until full.",
        Source = "sock_diag and ctnetlink of namespaces that have many; net.ipv4.ip_local_port_range and "
            + "ip_local_reserved_ports",
        Tables = [Table, GroupTable, TranslatedTable],
        Options = [Top, Warn, TranslatedPortsOption],
        Events = [PortKinds.Exhausted, PortKinds.Filling],
    };

    private readonly int _top;
    private readonly long _warn;
    private readonly int _translatedPorts;
    private readonly SocketNumbers _numbers;
    private readonly PortGroups _groups = new();
    private readonly SocketPorts _sockets;
    private readonly DatagramPorts _datagrams;
    private readonly TranslatedPorts _translated;
    private readonly DumpShare _share = new();
    private readonly SocketHolders _holders;
    private readonly EventDecoder<PortRecord> _decoder;
    private readonly string _trackingFile;
    private long _lost;
    private long _lookForTrackingAt;
    private bool _tracks;

    public Ports(ProbeHost host, ProbeSettings settings) : base(Info, host)
    {
        _top = (int)settings.Get(Top);
        _warn = (long)settings.Get(Warn).TotalSeconds;
        _translatedPorts = (int)settings.Get(TranslatedPortsOption);
        _numbers = new SocketNumbers(host);
        _sockets = new SocketPorts(_groups);
        _datagrams = new DatagramPorts(_groups, byAddress: _top > 0);
        _translated = new TranslatedPorts(_groups);
        // Every namespace has it where the module is loaded, this one, too.
        _trackingFile = $"{host.Paths.Proc}/{Conntrack.LimitFile}";
        _holders = new SocketHolders(host.Paths);
        var (full, filling) = (PortKinds.ExhaustedOf(_holders), PortKinds.FillingOf(_holders));
        _decoder = new EventDecoder<PortRecord>(host, (in e) => e.IsFull ? full : filling);
    }

    private static Metric MakeUsed(Tag[] transport) => Metric.Gauge("netlens.ports.used", PortsUnit,
        "Local ports in use: of TCP towards the destination address and port that has most of them, of UDP by all "
        + "sockets; of namespaces that have an eighth as many such sockets as ports.", transport);

    private static Metric MakeLimit(Tag[] transport) => Metric.Gauge("netlens.ports.limit", PortsUnit,
        "Ports that the kernel may choose: ip_local_port_range without reserved ones, of TCP without those that "
        + "somebody listens at.", transport);

    private static Metric MakeTimeToFull(Tag[] transport) => Metric.Gauge("netlens.ports.time_to_full", Units.Seconds,
        "Seconds until all are in use at the rate of the last half minute to minute; absent where they get no more.",
        transport);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs sock_diag; a recorded tree has only files");
        Host.Bpf.Resolver.Start();
    }

    protected override PortReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace, _top);

    public override void Collect(SnapshotBuilder snapshot)
    {
        _share.Begin();
        base.Collect(snapshot);
        var lost = _decoder.Losses.CrowdedOut + _decoder.Losses.Undecoded;
        if (lost > _lost)
            snapshot.ReadFailed("events_lost");
        _lost = lost;
    }

    protected override void Collect(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        // Of a namespace that is leaving there is no level to tell.
        if (snapshot.Tick < 1)
            return;
        var streams = IsNear(_numbers.Streams(ns, snapshot), reader, ns, snapshot);
        var datagrams = IsNear(_numbers.Datagrams(ns, snapshot), reader, ns, snapshot);
        if (streams)
            LookAtSockets(reader, ns, snapshot);
        else
            reader.ForgetLocal();
        if (datagrams)
            LookAtDatagrams(reader, ns, snapshot);
        else
            reader.ForgetDatagrams();
        if (!streams && !datagrams)
            reader.CloseRange();
        LookAtEntries(reader, ns, snapshot);
        Write(reader, ns, snapshot);
    }

    private static bool IsNear(long sockets, PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot) =>
        sockets >= Few && TryRange(reader, ns, snapshot) && sockets * Near >= reader.Range.Count;

    private void LookAtSockets(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_share.IsTime(reader.NextSockets, snapshot.Moment) || !TryRead(reader.Range, ns, snapshot))
            return;
        _sockets.Prepare(reader.Range.First, reader.Range.Last,
            TryRead(reader.Reserved, ns, snapshot) ? reader.Reserved.Ports : null);
        var since = ThreadClock.CpuNanoseconds();
        var good = reader.Diag.Ask(ns, SocketPorts.States, memory: false, _sockets);
        reader.NextSockets = _share.After(ThreadClock.CpuNanoseconds() - since, snapshot.Moment);
        if (!good)
        {
            snapshot.ReadFailed(reader.Diag.Failure);
            return;
        }
        Take(reader, ns, snapshot);
        Report(reader.Local, ns, isTranslated: false);
    }

    private void Take(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        NoteLeftOut(snapshot);
        reader.Top.Take(_groups);
        if (reader.Top.All.IsEmpty)
        {
            reader.Local.Forget();
            return;
        }
        ref readonly var fullest = ref reader.Top.All[0];
        var reuses = TryRead(reader.Reuse, ns, snapshot)
            && TimeWaitReuseFile.Allows(reader.Reuse.Value, fullest.Group.Source, fullest.Group.Destination);
        reader.Local.Take(fullest.Group, fullest.Use, _sockets.Limit, snapshot.Moment, reuses);
    }

    private void LookAtDatagrams(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_share.IsTime(reader.NextDatagrams, snapshot.Moment) || !TryRead(reader.Range, ns, snapshot))
            return;
        _datagrams.Prepare(reader.Range.First, reader.Range.Last,
            TryRead(reader.Reserved, ns, snapshot) ? reader.Reserved.Ports : null);
        var since = ThreadClock.CpuNanoseconds();
        var good = reader.DatagramDiag.Ask(ns, InetDiag.All, memory: false, _datagrams);
        reader.NextDatagrams = _share.After(ThreadClock.CpuNanoseconds() - since, snapshot.Moment);
        if (!good)
        {
            snapshot.ReadFailed(reader.DatagramDiag.Failure);
            return;
        }
        NoteLeftOut(snapshot, _datagrams.IsCut);
        if (_top > 0)
            reader.DatagramTop.Take(_groups);
        if (_datagrams.Limit == 0)
        {
            reader.Datagrams.Forget();
            return;
        }
        reader.Datagrams.Take(DatagramPorts.All, _datagrams.Use, _datagrams.Limit, snapshot.Moment);
        Report(reader.Datagrams, ns, isTranslated: false);
    }

    private void LookAtEntries(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var entries = EntriesOf(ns, snapshot);
        if (entries * Near < _translatedPorts || entries < Few)
        {
            reader.ForgetTranslated();
            return;
        }
        if (entries > MostEntries)
        {
            // What was known is not so any more.
            reader.ForgetTranslated();
            snapshot.ReadFailed("conntrack_too_large");
            return;
        }
        if (!_share.IsTime(reader.NextEntries, snapshot.Moment))
            return;
        var since = ThreadClock.CpuNanoseconds();
        var good = reader.Dump.Ask(ns, _translated);
        reader.NextEntries = _share.After(ThreadClock.CpuNanoseconds() - since, snapshot.Moment);
        if (!good)
        {
            snapshot.ReadFailed(reader.Dump.Failure);
            return;
        }
        NoteLeftOut(snapshot);
        Span<(PortGroup Group, PortUse Use)> fullest = stackalloc (PortGroup, PortUse)[1];
        if (_groups.Fullest(fullest) == 0)
        {
            reader.Translated.Forget();
            return;
        }
        reader.Translated.Take(fullest[0].Group, fullest[0].Use, _translatedPorts, snapshot.Moment);
        Report(reader.Translated, ns, isTranslated: true);
    }

    private void NoteLeftOut(SnapshotBuilder snapshot, bool isCut = false)
    {
        if (_groups.LeftOut > 0 || isCut)
            snapshot.ReadFailed("groups_over_limit");
    }

    private void Report(PortFill fill, NamespaceHandle ns, bool isTranslated)
    {
        if (fill.Limit == 0)
            return;
        var full = fill.BecameFull();
        var filling = fill.BeginsToFill(_warn);
        if (!full && !filling)
            return;
        var record = PortRecord.Of(new(KernelClock.Monotonic(), ns.Namespace), fill, isTranslated, full);
        _decoder.OnRecord(MemoryMarshal.AsBytes(new ReadOnlySpan<PortRecord>(in record)));
    }

    private void Write(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (reader.Local.Limit > 0 || reader.Datagrams.Limit > 0)
        {
            reader.LocalRow ??= new Row(Table, ns.Namespace, snapshot.StartTimeOfNew(ns.Namespace.StartTime));
            WriteLocal(reader, snapshot.Append(reader.LocalRow));
        }
        if (_top > 0 && !ns.Namespace.Rootless)
        {
            WriteGroups(reader.Top, snapshot);
            WriteGroups(reader.DatagramTop, snapshot);
        }
        if (reader.Translated.Limit == 0)
            return;
        reader.TranslatedRow ??=
            new Row(TranslatedTable, ns.Namespace, snapshot.StartTimeOfNew(ns.Namespace.StartTime));
        var translated = snapshot.Append(reader.TranslatedRow);
        translated.Set(TranslatedUsed, reader.Translated.Use.Used);
        translated.Set(TranslatedLimit, reader.Translated.Limit);
        translated.Set(TranslatedTimeWait, reader.Translated.Use.TimeWait);
        translated.Set(TranslatedTimeToFull, reader.Translated.TimeToFull);
    }

    private static void WriteLocal(PortReader reader, in RowWriter row)
    {
        if (reader.Local.Limit > 0)
        {
            row.Set(Used, reader.Local.Use.Used);
            row.Set(Limit, reader.Local.Limit);
            row.Set(TimeWait, reader.Local.Use.TimeWait);
            row.Set(TimeToFull, reader.Local.TimeToFull);
        }
        if (reader.Datagrams.Limit == 0)
            return;
        row.Set(UdpUsed, reader.Datagrams.Use.Used);
        row.Set(UdpLimit, reader.Datagrams.Limit);
        row.Set(UdpTimeToFull, reader.Datagrams.TimeToFull);
    }

    private static void WriteGroups(FullestGroups top, SnapshotBuilder snapshot)
    {
        foreach (ref readonly var one in top.All)
        {
            var row = snapshot.Append(top.RowOf(one.Group, GroupTable, snapshot));
            row.Set(GroupUsed, one.Use.Used);
            if (one.Group.Protocol == SockDiag.IPPROTO_TCP)
                row.Set(GroupTimeWait, one.Use.TimeWait);
        }
    }

    // It changes with a sysctl only: where few ports are in use the file is not kept open.
    private static bool TryRange(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (reader.RangeIsKnown && snapshot.Tick < reader.RangeAt)
            return true;
        reader.RangeIsKnown = TryRead(reader.Range, ns, snapshot);
        reader.RangeAt = snapshot.Tick + RangePause;
        return reader.RangeIsKnown;
    }

    internal static bool TryRead(TextFile file, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var good = file.EnsureRead(ns, snapshot.Tick);
        if (!good && file.Failure.Length > 0)
            snapshot.ReadFailed(file.Failure);
        return good;
    }

    private long EntriesOf(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_tracks && snapshot.Tick >= _lookForTrackingAt)
        {
            _tracks = File.Exists(_trackingFile);
            _lookForTrackingAt = snapshot.Tick + Pause;
        }
        if (!_tracks)
            return 0;
        if (Host.Conntracks.Read(ns, snapshot.Tick) is { } figures)
            return figures.IsPresent ? figures.Entries : 0;
        var file = ns.Source<ConntrackCountFile>();
        return TryRead(file, ns, snapshot) ? file.Value : 0;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _holders.Dispose();
    }
}
