using Collector.Core.Identity;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Series;

/// <summary>Keeps the rows of chosen namespaces or of a pod, for <c>netlens once</c>.</summary>
internal static class SnapshotFilter
{
    /// <summary>
    /// A copy with the rows whose namespace fits one of the names: an inode, the name under /run/netns, or
    /// <c>host</c>, which also keeps the rows of the node itself.
    /// </summary>
    public static Snapshot Keep(Snapshot snapshot, IReadOnlyCollection<string> names, TimeProvider time) =>
        Keep(snapshot, ns => names.Any(n => Fits(ns, n)), time);

    /// <summary>A copy with the rows of one pod, named <c>namespace/name</c>: <c>netlens once --pod</c>.</summary>
    public static Snapshot KeepPod(Snapshot snapshot, string pod, TimeProvider time) =>
        Keep(snapshot, ns => IsPod(ns, pod), time);

    public static bool IsPod(NetNamespace? ns, string pod) =>
        ns?.Identity is { PodName: not null } identity && $"{identity.PodNamespace}/{identity.PodName}" == pod;

    private static Snapshot Keep(Snapshot snapshot, Func<NetNamespace?, bool> wanted, TimeProvider time)
    {
        var builder = new SnapshotBuilder(new SnapshotStore(), time);
        builder.Begin();
        foreach (var table in snapshot.Tables)
        {
            for (var r = 0; r < table.Count; r++)
            {
                var row = table.Rows[r];
                if (!wanted(row.Namespace))
                    continue;
                var copy = builder.Append(row);
                for (var column = 0; column < table.Info.Width; column++)
                    copy.Set(column, table.Column(column)[r]);
            }
        }
        return builder.Publish();
    }

    public static bool Fits(NetNamespace? ns, string name) =>
        ns is null || ns.IsHost
            ? name == "host" || (ns is not null && name == ns.Inode.ToString())
            : name == ns.Identity.Name || name == ns.Inode.ToString();
}
