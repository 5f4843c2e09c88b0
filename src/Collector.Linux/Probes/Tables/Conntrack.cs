using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tables;

/// <summary>Connection tracking of every namespace: entries, their limit, and what became of packets.</summary>
/// <remarks>
/// Asked for only where conntrack is at work already: a ctnetlink request would otherwise load its modules. What this
/// kernel does not send is not exported, among it what later releases dropped (searched, new, ignore, delete since 4.x
/// to 5.10).
/// </remarks>
public sealed class Conntrack : PerNamespaceProbe<ConntrackTable>
{
    /// <summary>Exists in every namespace that has connection tracking (nf_conntrack_standalone.c).</summary>
    internal const string LimitFile = "sys/net/netfilter/nf_conntrack_max";

    internal static readonly Metric Entries = Metric.UpDownCounter(
        "netlens.conntrack.entry.count", Units.Entries, "Connections in the table (nf_conntrack_count).");

    internal static readonly Metric Limit = Metric.UpDownCounter("netlens.conntrack.entry.limit", Units.Entries,
        "Connections that the namespace's table may hold (nf_conntrack_max).");

    // enum ctattr_stats_cpu (include/uapi/linux/netfilter/nfnetlink_conntrack.h); null: no counter of that number.
    internal static readonly Metric?[] Counters = new Metric?[ConntrackMessage.AttributeCount];

    private static readonly TableInfo Table = new("conntrack", RowScope.Namespace, [], [Entries, Limit, .. Declare()]);

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include(
            "all adds lookups and insertions, and what only old kernels count (searched, new, delete).");

    private static readonly ProbeOption<long> Warn = Option.Integer("warn", 90,
        "Per cent of the entries that a table may have, from which there is an event; 0: none.", least: 0, most: 100);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "conntrack",
        Description = "Connection tracking per namespace: entries, limit, drops, failed insertions, evictions.",
        Source = "one eBPF pass over all namespaces, else ctnetlink IPCTNL_MSG_CT_GET_STATS_CPU and _GET_STATS",
        Tables = [Table],
        Options = [IncludeAll, Warn],
        Events = [ConntrackKinds.FullInfo, ConntrackKinds.FillingInfo, ConntrackKinds.ClashInfo],
    };

    private readonly TableInfo _table;
    private readonly long _warn;
    private readonly EventDecoder<ConntrackRecord> _decoder;
    private readonly ConntrackReport _report;
    private long _lost;

    public Conntrack(ProbeHost host, ProbeSettings settings) : base(Info, host)
    {
        _table = settings.Get(IncludeAll) ? Table.Whole : Table;
        _warn = settings.Get(Warn);
        _decoder = new EventDecoder<ConntrackRecord>(host, ConntrackKinds.Of);
        _report = Report;
    }

    private static IEnumerable<Metric> Declare()
    {
        Counter(
            Ctnetlink.CTA_STATS_FOUND, "found", "Lookups that found an entry (found).", optional: true);
        Counter(Ctnetlink.CTA_STATS_INVALID, "invalid", "Packets that could not be tracked (invalid).");
        Counter(
            Ctnetlink.CTA_STATS_IGNORE, "ignore", "Packets not looked at because tracked already (ignore).",
            optional: true);
        Counter(Ctnetlink.CTA_STATS_INSERT, "insert", "Entries inserted (insert); few kernels count them.",
            optional: true);
        Counter(Ctnetlink.CTA_STATS_INSERT_FAILED, "insert_failed",
            "Insertions that lost against an equal entry (insert_failed): the race of NAT and DNS.");
        Counter(Ctnetlink.CTA_STATS_DROP, "drop", "Packets dropped because tracking failed (drop).");
        Counter(Ctnetlink.CTA_STATS_EARLY_DROP, "early_drop",
            "Entries evicted to make room in a full table (early_drop).");
        Counter(Ctnetlink.CTA_STATS_ERROR, "error", "Packets that the protocol tracker refused (error).");
        Counter(Ctnetlink.CTA_STATS_SEARCH_RESTART, "search_restart",
            "Lookups begun again because the table was resized (search_restart).");
        Counter(Ctnetlink.CTA_STATS_CLASH_RESOLVE, "clash_resolve",
            "Insertion races settled without a loss (clash_resolve, Linux 5.10).");
        Counter(Ctnetlink.CTA_STATS_CHAIN_TOOLONG, "chain_toolong",
            "Insertions refused because a hash chain was too long (chaintoolong, Linux 5.15).");
        Counter(
            Ctnetlink.CTA_STATS_SEARCHED, "searched", "Entries looked at in lookups (searched).", optional: true);
        Counter(Ctnetlink.CTA_STATS_NEW, "new", "Entries added that were not expected (new).", optional: true);
        Counter(Ctnetlink.CTA_STATS_DELETE, "delete", "Entries removed (delete).", optional: true);
        Counter(Ctnetlink.CTA_STATS_DELETE_LIST, "delete_list",
            "Entries put on the list of the dying (delete_list).", optional: true);
        return Counters.OfType<Metric>();
    }

    private static void Counter(ushort attribute, string name, string text, bool optional = false) =>
        Counters[attribute] =
            Metric.Counter($"netlens.conntrack.{name}", Units.Events, text, optional: optional);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs ctnetlink; a recorded tree has only files");
        var all = Host.Namespaces.All;
        for (var i = 0; i < all.Count; i++)
        {
            if (!ConntrackTable.IsPresent(all[i]))
                continue;
            Host.Bpf.Resolver.Start();
            return;
        }
        throw new ProbeUnavailableException(
            "connection tracking is not loaded: no namespace has /proc/sys/net/netfilter/nf_conntrack_max");
    }

    protected override ConntrackTable Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace, this, _warn);

    public override void Collect(SnapshotBuilder snapshot)
    {
        base.Collect(snapshot);
        var lost = _decoder.Losses.CrowdedOut + _decoder.Losses.Undecoded;
        if (lost > _lost)
            snapshot.ReadFailed("events_lost");
        _lost = lost;
    }

    protected override void Collect(ConntrackTable reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!reader.Read(ns, snapshot, Host.Conntracks))
            return;
        reader.Write(snapshot);
        reader.Watch(ns, _report);
    }

    private void Report(in ConntrackRecord record) =>
        _decoder.OnRecord(MemoryMarshal.AsBytes(new ReadOnlySpan<ConntrackRecord>(in record)));

    internal Row RowOf(NetNamespace ns) => new(_table, ns, ns.StartTime);

    internal static void Write(
        Row row, SnapshotBuilder snapshot, long entries, long limit, ReadOnlySpan<long> counters)
    {
        var writer = snapshot.Append(row);
        if (entries >= 0)
            writer.Set(Entries, entries);
        if (limit >= 0)
            writer.Set(Limit, limit);
        for (var i = 0; i < counters.Length; i++)
        {
            if (counters[i] >= 0 && Counters[i] is { } metric)
                writer.Set(metric, counters[i]);
        }
    }
}
