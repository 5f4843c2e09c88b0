namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of what processes hold open, read and wrote.</summary>
internal static class ProcessNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InBoth("fd",
            ("netlens.fd.count", "openfd"),
            ("netlens.fd.socket.count", "opensocket")),
        new("netlens.io.calls read")
        {
            KubeSkoop = ["kubeskoop_io_readsyscall", "kubeskoop_io_ioreadsyscall"],
            Inspector = ["inspector_pod_ioioreadsyscall"],
        },
        new("netlens.io.calls write")
        {
            KubeSkoop = ["kubeskoop_io_writesyscall", "kubeskoop_io_iowritesyscall"],
            Inspector = ["inspector_pod_ioiowritesyscall"],
        },
        new("netlens.io.storage read")
        {
            KubeSkoop = ["kubeskoop_io_readbytes", "kubeskoop_io_ioreadbytes"],
            Inspector = ["inspector_pod_ioioreadbytes"],
        },
        // The second is a slip of the old documentation; dashboards were made with it.
        new("netlens.io.storage write")
        {
            KubeSkoop = ["kubeskoop_io_writebytes", "kubeskoop_io_iowritebytes"],
            Inspector = ["inspector_pod_ioiowritebytes", "inspector_pod_ioiowritebyres"],
        },
    ];
}
