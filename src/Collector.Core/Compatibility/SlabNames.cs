namespace Collector.Core.Compatibility;

/// <summary>ACK Net Exporter had the TCP cache alone, under names without a label for the cache.</summary>
internal static class SlabNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        new("netlens.slab.tcp.object.active") { Inspector = ["inspector_pod_slabtcpslabobjactive"] },
        new("netlens.slab.tcp.object.allocated") { Inspector = ["inspector_pod_slabtcpslabobjnum"] },
        new("netlens.slab.tcp.object.size") { Inspector = ["inspector_pod_slabtcpslabobjsize"] },
        new("netlens.slab.tcp.objects_per_slab") { Inspector = ["inspector_pod_slabtcpslabobjperslab"] },
        new("netlens.slab.tcp.pages_per_slab") { Inspector = ["inspector_pod_slabtcpslabpagesperslab"] },
    ];

    public static IReadOnlyList<RowViewInfo> Views { get; } =
    [
        new("slab", "slab.tcp")
        {
            RowTags = [],
            Columns =
            [
                Tcp("object.active"), Tcp("object.allocated"), Tcp("object.size"), Tcp("objects_per_slab"),
                Tcp("pages_per_slab"),
            ],
        },
    ];

    private static ViewColumn Tcp(string name) =>
        new($"netlens.slab.tcp.{name}", $"netlens.slab.{name}") { Where = new("netlens.slab.cache", "TCP") };
}
