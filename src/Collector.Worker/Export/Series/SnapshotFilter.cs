using System.Globalization;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.Export.Series;

/// <summary>Keeps the rows of chosen namespaces or of a pod, for <c>netlens once</c>.</summary>
internal static class SnapshotFilter
{
    /// <summary>
    /// A copy with the rows whose namespace fits one of the names: an inode, the name under /run/netns, or
    /// <c>host</c>. That, and the inode of the node's own, also keep the rows of the node itself and those of pods on
    /// its network.
    /// </summary>
    public static Snapshot Keep(
        Snapshot snapshot, IReadOnlyCollection<string> names, NetNamespace host, TimeProvider time) =>
        Keep(snapshot, r => names.Any(n => Fits(r.Subject, n, host)), time);

    /// <summary>A copy with the rows of one pod, named <c>namespace/name</c>: <c>netlens once --pod</c>.</summary>
    public static Snapshot KeepPod(Snapshot snapshot, string pod, TimeProvider time) =>
        Keep(snapshot, r => IsPod(r.Subject, pod), time);

    /// <summary>A copy with the tables of chosen probes.</summary>
    public static Snapshot KeepProbes(Snapshot snapshot, IReadOnlyCollection<string> probes, TimeProvider time) =>
        Keep(snapshot, r => probes.Contains(r.Table.Id.Split('.')[0]), time);

    public static bool IsPod(Subject? subject, string pod) =>
        subject?.Names is { PodName: not null } names && $"{names.PodNamespace}/{names.PodName}" == pod;

    private static Snapshot Keep(Snapshot snapshot, Func<Row, bool> wanted, TimeProvider time)
    {
        var builder = new SnapshotBuilder(new SnapshotStore(), time);
        builder.Begin(snapshot.Tick, snapshot.Time, snapshot.Moment);
        foreach (var table in snapshot.Tables)
        {
            for (var r = 0; r < table.Count; r++)
            {
                var row = table.Rows[r];
                if (!wanted(row))
                    continue;
                var copy = builder.Append(row);
                for (var column = 0; column < table.Info.Width; column++)
                    copy.Set(column, table.Column(column)[r]);
            }
        }
        return builder.Publish();
    }

    /// <param name="subject">Whom a row is about; null: the machine as a whole.</param>
    /// <param name="name">As an operator says it.</param>
    /// <param name="host">The node's own namespace.</param>
    public static bool Fits(Subject? subject, string name, NetNamespace host) =>
        subject is null or { IsHost: true } or { HostNetwork: true }
            ? name == "host" || name == host.Inode.ToString(CultureInfo.InvariantCulture)
            : name == subject.Names.NetnsName || name == subject.Inode.ToString(CultureInfo.InvariantCulture);
}
