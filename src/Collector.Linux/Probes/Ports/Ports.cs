using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>
/// Ports that run out: those that connect() takes by itself, towards one destination, and those that SNAT gives.
/// </summary>
/// <remarks>
/// A port can be used again for another destination, so what is full is one group: from an address to another's port.
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

    internal static readonly Metric Used = Metric.Gauge("netlens.ports.used", PortsUnit,
        "Local ports in use towards the destination address and port that has most of them; of namespaces that have an "
        + "eighth as many TCP sockets as ports.");

    internal static readonly Metric Limit = Metric.Gauge("netlens.ports.limit", PortsUnit,
        "Ports that connect() may take: ip_local_port_range without reserved ones and those that somebody listens at.");

    internal static readonly Metric TimeWait = Metric.Gauge("netlens.ports.time_wait", PortsUnit,
        "Of those in use, ports of connections that are over (TIME_WAIT).");

    internal static readonly Metric TimeToFull = Metric.Gauge("netlens.ports.time_to_full", Units.Seconds,
        "Seconds until all are in use at the rate of the last half minute to minute; absent where they get no more.");

    private static readonly Metric GroupUsed = Metric.Gauge("netlens.ports.group.used", PortsUnit,
        "Local ports in use from one address to another's port, of the fullest (option top).");

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
        new("ports", RowScope.Namespace, [], [Used, Limit, TimeWait, TimeToFull]);

    private static readonly TableInfo GroupTable = new("ports.group", RowScope.Namespace,
        [new("source.address"), new("destination.address"), new("destination.port")], [GroupUsed, GroupTimeWait]);

    private static readonly TableInfo TranslatedTable = new("ports.snat", RowScope.Namespace, [],
        [TranslatedUsed, TranslatedLimit, TranslatedTimeWait, TranslatedTimeToFull]);

    private static readonly ProbeOption<long> Top = Option.Integer("top", 0,
        "How many of the fullest groups of each namespace have a row with their addresses; those of namespaces that "
        + "any user can make have none.", least: 0, most: MostTop);

    private static readonly ProbeOption<TimeSpan> Warn = Option.Duration("warn", TimeSpan.FromMinutes(10),
        "Ports that will all be in use within this time are an event; 0: only when they are.");

    private static readonly ProbeOption<long> TranslatedPortsOption = Option.Integer("snatPorts", 64_512,
        "Ports that SNAT may take for one address: 1024 to 65535 where the rule has no range.", least: 1, most: 65_536);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "ports",
        Description = "Local ports and ports of SNAT towards one destination: in use, limit, time until full.",
        Source = "sock_diag and ctnetlink of namespaces that have many; net.ipv4.ip_local_port_range and "
            + "ip_local_reserved_ports",
        Tables = [Table, GroupTable, TranslatedTable],
        Options = [Top, Warn, TranslatedPortsOption],
        Events = [PortKinds.Exhausted, PortKinds.Filling],
    };

    private readonly int _top;
    private readonly long _warn;
    private readonly int _translatedPorts;
    private readonly PortGroups _groups = new();
    private readonly SocketPorts _sockets;
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
        _sockets = new SocketPorts(_groups);
        _translated = new TranslatedPorts(_groups);
        // Every namespace has it where the module is loaded, this one, too.
        _trackingFile = $"{host.Paths.Proc}/{Conntrack.LimitFile}";
        _holders = new SocketHolders(host.Paths);
        var (full, filling) = (PortKinds.ExhaustedOf(_holders), PortKinds.FillingOf(_holders));
        _decoder = new EventDecoder<PortRecord>(host, (in e) => e.IsFull ? full : filling);
    }

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs sock_diag; a recorded tree has only files");
        Host.Bpf.Resolver.Start();
    }

    protected override PortReader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace) { Top = _top == 0 ? new (PortGroup, PortUse)[1] : new (PortGroup, PortUse)[_top] };

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
        LookAtSockets(reader, ns, snapshot);
        LookAtEntries(reader, ns, snapshot);
        Write(reader, ns, snapshot);
    }

    private void LookAtSockets(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var sockets = SocketsOf(ns, snapshot);
        if (sockets < Few || !TryRange(reader, ns, snapshot) || sockets * Near < reader.Range.Count)
        {
            reader.ForgetLocal();
            return;
        }
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
        reader.TopCount = _groups.Fullest(reader.Top);
        reader.DropRows();
        if (reader.TopCount == 0)
        {
            reader.Local.Forget();
            return;
        }
        ref readonly var group = ref reader.Top[0].Group;
        var reuses = TryRead(reader.Reuse, ns, snapshot)
            && TimeWaitReuseFile.Allows(reader.Reuse.Value, group.Source, group.Destination);
        reader.Local.Take(group, reader.Top[0].Use, _sockets.Limit, snapshot.Moment, reuses);
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

    private void NoteLeftOut(SnapshotBuilder snapshot)
    {
        if (_groups.LeftOut > 0)
            snapshot.ReadFailed("groups_over_limit");
    }

    private void Report(PortFill fill, NamespaceHandle ns, bool isTranslated)
    {
        var full = fill.BecameFull();
        var filling = fill.BeginsToFill(_warn);
        if (!full && !filling)
            return;
        var record = PortRecord.Of(new(KernelClock.Monotonic(), ns.Namespace), fill, isTranslated, full);
        _decoder.OnRecord(MemoryMarshal.AsBytes(new ReadOnlySpan<PortRecord>(in record)));
    }

    private void Write(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (reader.Local.Limit > 0)
        {
            reader.LocalRow ??= new Row(Table, ns.Namespace, snapshot.StartTimeOfNew(ns.Namespace.StartTime));
            var row = snapshot.Append(reader.LocalRow);
            row.Set(Used, reader.Local.Use.Used);
            row.Set(Limit, reader.Local.Limit);
            row.Set(TimeWait, reader.Local.Use.TimeWait);
            row.Set(TimeToFull, reader.Local.TimeToFull);
        }
        for (var i = 0; i < reader.TopCount && _top > 0 && !ns.Namespace.Rootless; i++)
        {
            var row = snapshot.Append(reader.RowOf(reader.Top[i].Group, GroupTable, snapshot));
            row.Set(GroupUsed, reader.Top[i].Use.Used);
            row.Set(GroupTimeWait, reader.Top[i].Use.TimeWait);
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

    /// <summary>TCP sockets that may have a port of the range: all but listeners and what came from outside.</summary>
    private long SocketsOf(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (Host.Sockets.PassOf(snapshot.Tick) is { } pass && pass.TryFind(ns, out var totals, out _))
        {
            var sum = 0L;
            foreach (var count in (ReadOnlySpan<uint>)totals.States)
                sum += count;
            return sum - totals.States[SocketCounts.Listen] - totals.Roles[1].Connections;
        }
        if (Host.Mib.ReadSockets(ns, snapshot.Tick) is { } use)
            return InUse(use.IPv4) + (use.HasIPv6 ? InUse(use.IPv6) : 0);
        return InUse(ns.Source<SockstatFile>(), ns, snapshot) + InUse(ns.Source<Sockstat6File>(), ns, snapshot);
    }

    private static long InUse(SockstatLines file, NamespaceHandle ns, SnapshotBuilder snapshot) =>
        TryRead(file, ns, snapshot) ? InUse(file.Figures) : 0;

    private static long InUse(SockstatFigures figures) =>
        Math.Max(0, figures[SockstatField.TcpInuse]) + Math.Max(0, figures[SockstatField.TcpTw]);

    // It changes with a sysctl only: where few ports are in use the file is not kept open.
    private static bool TryRange(PortReader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (reader.RangeIsKnown && snapshot.Tick < reader.RangeAt)
            return true;
        reader.RangeIsKnown = TryRead(reader.Range, ns, snapshot);
        reader.RangeAt = snapshot.Tick + RangePause;
        return reader.RangeIsKnown;
    }

    private static bool TryRead(TextFile file, NamespaceHandle ns, SnapshotBuilder snapshot)
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
