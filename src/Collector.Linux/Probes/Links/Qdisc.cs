using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Links;

/// <summary>Queueing disciplines of every device: what they sent, dropped, delayed and hold.</summary>
/// <remarks>
/// A root counts what its leaves count too, so which of them get rows is the operator's choice and the parent is part
/// of a row's name: <c>root</c>, <c>ingress</c> (also clsact), or the class it hangs from as tc(8) writes it,
/// <c>1:10</c>. A device has one qdisc per parent, so the handle, which the kernel may make up, is not needed.
/// </remarks>
public sealed class Qdisc(ProbeHost host, ProbeSettings settings) : PerNamespaceProbe<QdiscTree>(Info, host)
{
    internal static readonly Metric Bytes = Counter("io", Units.Bytes, "Bytes that left the qdisc (bytes).");
    internal static readonly Metric Packets = Counter("packet.count", Units.Packets, "Packets that left it (packets).");
    internal static readonly Metric Drops = Counter("packet.dropped", Units.Packets, "Packets it dropped (drops).");
    internal static readonly Metric Overlimits =
        Counter("overlimits", Units.Events, "Times it was over its limit and had to hold back (overlimits).");
    internal static readonly Metric Requeues =
        Counter("requeues", Units.Events, "Packets put back because the device was busy (requeues).");
    internal static readonly Metric Length = Level("queue.length", Units.Packets, "Packets it holds now (qlen).");
    internal static readonly Metric Backlog = Level("queue.usage", Units.Bytes, "Bytes it holds now (backlog).");

    internal static readonly TableInfo Table = new("qdisc", RowScope.Namespace,
        [new("network.interface.name"), new("netlens.qdisc.kind"), new("netlens.qdisc.parent")],
        [Bytes, Packets, Drops, Overlimits, Requeues, Length, Backlog]);

    internal static readonly Metric TotalDrops = Sum(
        InstrumentKind.Counter, "packet.dropped", Units.Packets, "Packets that the root qdiscs dropped.");

    /// <summary>Sums of the roots; the order is that of <see cref="QdiscTree"/>.</summary>
    internal static readonly TableInfo Total = new("qdisc.total", RowScope.Namespace, [],
    [
        Sum(InstrumentKind.Counter, "io", Units.Bytes, "Bytes that left the root qdiscs."),
        Sum(InstrumentKind.Counter, "packet.count", Units.Packets, "Packets that left the root qdiscs."),
        TotalDrops,
        Sum(InstrumentKind.Counter, "overlimits", Units.Events, "Times that root qdiscs were over their limit."),
        Sum(InstrumentKind.UpDownCounter, "queue.length", Units.Packets, "Packets that the root qdiscs hold."),
        Sum(InstrumentKind.UpDownCounter, "queue.usage", Units.Bytes, "Bytes that the root qdiscs hold."),
    ]);

    private static readonly ProbeOption<QdiscSelection> Select = Option.Choice("select", QdiscSelection.Root,
        "Which qdiscs get rows: the root of each device, the leaves, or all (then do not add them up).");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "qdisc",
        Description = "Bytes, packets, drops and backlog of the queueing disciplines of every device.",
        Source = "rtnetlink RTM_GETQDISC: TCA_STATS2",
        Tables = [Table, Total],
        Options = [Select],
    };

    private readonly QdiscSelection _select = settings.Get(Select);

    private static Metric Counter(string name, string unit, string description) =>
        Metric.Counter($"netlens.qdisc.{name}", unit, description);

    private static Metric Level(string name, string unit, string description) =>
        Metric.UpDownCounter($"netlens.qdisc.{name}", unit, description);

    private static Metric Sum(InstrumentKind kind, string name, string unit, string description) =>
        Metric.Unnamed(kind, $"netlens.qdisc.total.{name}", unit, description);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs rtnetlink; a recorded tree has only files");
    }

    protected override QdiscTree Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace, _select, new RowAllowance(Host.Limits.Qdiscs, ns.Namespace));

    protected override void Collect(QdiscTree reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var links = ns.Source<LinkTable>();
        if (!links.EnsureRead(ns, snapshot.Tick))
            snapshot.ReadFailed(links.Failure);
        else if (reader.Read(ns, links, out var failure))
            reader.Write(links, snapshot);
        else
            snapshot.ReadFailed(failure);
    }

    internal static Row RowOf(NetNamespace ns, long start, string device, string kind, uint parent) =>
        new(Table, ns, start, device, kind, ParentText(parent));

    /// <summary>The row of all those beyond the limit.</summary>
    internal static Row RowOfRest(NetNamespace ns) => new(Table, ns, ns.StartTime, "other", "other", "other");

    /// <summary>A parent as tc(8) writes it.</summary>
    internal static string ParentText(uint parent) => parent switch
    {
        Interop.Rtnl.TC_H_ROOT => "root",
        Interop.Rtnl.TC_H_INGRESS => "ingress",
        _ when parent >> 16 == 0 => $":{parent & 0xffff:x}",
        _ => $"{parent >> 16:x}:{parent & 0xffff:x}",
    };
}

/// <summary>Which qdiscs of a device get rows.</summary>
internal enum QdiscSelection
{
    Root,
    Leaves,
    All,
}
