using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Compatibility;

/// <summary>Old names of what connections carried.</summary>
internal static class FlowNames
{
    public const string Bytes = "netlens.flow.tuple.io";
    public const string Packets = "netlens.flow.tuple.packets";

    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InKubeSkoop("flow", (Bytes, "bytes"), (Packets, "packets")),
        // Which pod, or node, an address of a flow is.
        .. LegacyName.InKubeSkoop("info", ("netlens.pods.address", "pod"), ("netlens.pods.node_address", "node")),
    ];
}

/// <summary>
/// Flows as KubeSkoop has them: a series from source to destination, so two of each. What is not known here is empty.
/// </summary>
/// <param name="source">The table of the probe <c>flow</c>.</param>
internal sealed class FlowView(TableInfo source) : DerivedTable(source, Declare(source))
{
    public const string SourceId = "flow";

    private static readonly RowCacheSlot Slot = new();

    private static readonly string[] Labels =
    [
        "protocol", "src", "src_type", "src_namespace", "src_pod", "dst", "dst_type", "dst_namespace", "dst_pod",
        "sport", "dport",
    ];

    private static readonly string[] Figures = ["netlens.flow.io", "netlens.flow.packets"];

    private readonly int[] _sent = Columns(source, "transmit");
    private readonly int[] _received = Columns(source, "receive");

    /// <inheritdoc/>
    public override void Write(SnapshotTable source, SnapshotBuilder snapshot)
    {
        for (var r = 0; r < source.Count; r++)
        {
            var pair = PairOf(source.Rows[r]);
            Write(source, r, _sent, snapshot.Append(pair.Sent));
            Write(source, r, _received, snapshot.Append(pair.Received));
        }
    }

    private static void Write(SnapshotTable source, int row, int[] columns, in RowWriter writer)
    {
        for (var c = 0; c < columns.Length; c++)
            writer.Set(c, source.Column(columns[c])[row]);
    }

    private static TableInfo Declare(TableInfo source) => new(
        "flow.tuple", source.Scope, [.. LegacyLabels.Tuple(Labels)],
        [
            Metric.Unnamed(InstrumentKind.Counter, FlowNames.Bytes, Units.Bytes,
                "What was carried from source to destination, without headers."),
            Metric.Unnamed(InstrumentKind.Counter, FlowNames.Packets, Units.Packets,
                "TCP segments and UDP datagrams from source to destination."),
        ]);

    private static int[] Columns(TableInfo source, string direction) =>
    [
        .. Figures.Select(name => source.Metrics.First(m => LegacyNames.KeyOf(m) == $"{name} {direction}").Column),
    ];

    private Pair PairOf(Row row)
    {
        var names = row.Subject?.Names ?? SubjectNames.None;
        if (row.GetCached(Slot) is Pair known && ReferenceEquals(known.Names, names))
            return known;
        var made = Make(row, names);
        row.SetCached(Slot, made);
        return made;
    }

    private Pair Make(Row row, SubjectNames names)
    {
        var (role, peer, port, pod) = (row.Tags[1].Text, row.Tags[2].Text, row.Tags[3].Text, row.Tags[4].Text);
        var slash = pod.IndexOf('/', StringComparison.Ordinal);
        TagValue[] own =
        [
            row.Tags[5], row.Subject is { IsHost: true } ? "node" : names.PodName is null ? "unknown" : "pod",
            names.PodNamespace ?? "", names.PodName ?? "",
        ];
        TagValue[] other =
        [
            peer, slash < 0 ? "unknown" : "pod", slash < 0 ? "" : pod[..slash], slash < 0 ? "" : pod[(slash + 1)..],
        ];
        TagValue ownPort = role == "server" ? port : "0", otherPort = role == "server" ? "0" : port;
        var protocol = row.Tags[0].Text.ToUpperInvariant();
        return new Pair(names,
            new Row(Table, row.Subject, row.StartTime, [protocol, .. own, .. other, ownPort, otherPort]),
            new Row(Table, row.Subject, row.StartTime, [protocol, .. other, .. own, otherPort, ownPort]));
    }

    private sealed record Pair(SubjectNames Names, Row Sent, Row Received);
}
