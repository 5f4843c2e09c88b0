using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Tables;

/// <summary>
/// The machine's tables of next hops (ARP, neighbour discovery): one per address family, whichever namespace an entry
/// is of, with one limit, so that one pod's entries can leave others without ("neighbour table overflow").
/// </summary>
/// <remarks>
/// Entries that can be dropped count against the limit; those that stay for good (set by hand, learned from outside)
/// are among the entries all the same. How many of them are a namespace's no structure tells without a walk over
/// all of them.
/// </remarks>
internal sealed class Neighbour(ProbeHost host, ProbeSettings settings) : Probe(Info)
{
    private const string Runs = "{run}";

    internal static readonly Metric Entries = Metric.UpDownCounter("netlens.neighbour.entry.count", Units.Entries,
        "Next hops in the table of all namespaces (entries); of them the limit does not count permanent ones and those "
            + "that were learned from outside.");

    internal static readonly Metric Limit = Metric.UpDownCounter("netlens.neighbour.entry.limit", Units.Entries,
        "How many that can be dropped again it may have (gc_thresh3).");

    // By NeighbourFile.Names.
    private static readonly Metric[] Counters =
    [
        Counter("table_full", Units.Entries, "New next hops that found no room (table_fulls)."),
        Counter("packet.dropped", Units.Packets,
            "Packets dropped because too many waited for a next hop's answer (unresolved_discards)."),
        Counter("failed", Units.Entries, "Next hops that did not answer (res_failed)."),
        Counter("gc.forced", Runs, "Times that room had to be made for a new one (forced_gc_runs)."),
        Counter("gc.periodic", Runs, "Times that old ones were looked for (periodic_gc_runs).", optional: true),
        Counter("allocations", Units.Entries, "Next hops that were put in (allocs).", optional: true),
        Counter("removals", Units.Entries, "Next hops that were taken out (destroys).", optional: true),
        Counter("lookups", "{lookup}", "Searches for a next hop (lookups).", optional: true),
        Counter("hits", "{lookup}", "Searches that found it (hits).", optional: true),
        Counter("hash_grows", "{resize}", "Times that the table was made larger (hash_grows).", optional: true),
        Counter("probes.multicast", Units.Packets,
            "Neighbour solicitations received by multicast (rcv_probes_mcast).", optional: true),
        Counter("probes.unicast", Units.Packets,
            "Neighbour solicitations received by unicast (rcv_probes_ucast).", optional: true),
    ];

    internal static Metric TableFull => Counters[0];

    private static readonly TableInfo Table =
        new("neighbour", RowScope.Node, [new("network.type")], [Entries, Limit, .. Counters]);

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds searches, entries put in and taken out, and solicitations received.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "neighbour",
        Description = "Next hops in the machine's ARP and neighbour discovery tables, their limit, and failures.",
        Source = "/proc/net/stat/arp_cache, ndisc_cache; net.ipv4|ipv6.neigh.default.gc_thresh3",
        Tables = [Table],
        Options = [IncludeAll],
    };

    private readonly Row _ipv4 = RowOf(host, settings, "ipv4");
    private readonly Row _ipv6 = RowOf(host, settings, "ipv6");

    private static Metric Counter(string name, string unit, string description, bool optional = false) =>
        Metric.Counter($"netlens.neighbour.{name}", unit, description, optional: optional);

    private static Row RowOf(ProbeHost host, ProbeSettings settings, string family) =>
        new(settings.Get(IncludeAll) ? Table.Whole : Table, null, host.BootTime, family);

    public override void Start()
    {
        try
        {
            host.Namespaces.Host.OpenFile("net/stat/arp_cache").Dispose();
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException(
                e.Errno.IsAny(ENOENT) ? "the kernel shows these tables in its first network namespace only" : e.Message,
                e);
        }
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        var ns = host.Namespaces.Host;
        Collect(_ipv4, ns, ns.Source<ArpFile>(), ns.Source<ArpLimitFile>(), snapshot);
        Collect(_ipv6, ns, ns.Source<NdiscFile>(), ns.Source<NdiscLimitFile>(), snapshot);
    }

    private static void Collect(
        Row identity, NamespaceHandle ns, NeighbourFile file, NumberFile limit, SnapshotBuilder snapshot)
    {
        if (!TryRead(file, ns, snapshot))
            return;
        var row = snapshot.Append(identity);
        row.Set(Entries, file.Entries);
        for (var i = 0; i < Counters.Length; i++)
            row.Set(Counters[i], file.Counters[i]);
        if (TryRead(limit, ns, snapshot))
            row.Set(Limit, limit.Value);
    }

    private static bool TryRead(TextFile file, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (file.EnsureRead(ns, snapshot.Tick))
            return true;
        if (file.Failure.Length > 0)
            snapshot.ReadFailed(file.Failure);
        return false;
    }
}
