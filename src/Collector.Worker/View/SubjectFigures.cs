using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Probes;

namespace Collector.Worker.View;

/// <summary>The figures of a line of the overview.</summary>
internal static class SubjectFigures
{
    private const int Percent = 100;

    /// <param name="window">What happened.</param>
    /// <param name="subject">Of whom.</param>
    /// <param name="findings">Its own.</param>
    /// <param name="spark">Its trouble, collection by collection.</param>
    public static SubjectView Of(
        ViewWindow window, KnownSubject subject, IEnumerable<Finding> findings, IReadOnlyList<double?> spark)
    {
        var its = subject.First;
        var active = findings.Where(f => f.IsActive).ToArray();
        var rtt = window.Buckets(NodeFigures.RoundTrip, subject);
        return new SubjectView
        {
            Id = subject.Id,
            Kind = SubjectIds.KindOf(its),
            Name = SubjectIds.NameOf(its),
            Pod = its.Names.PodName is { } pod ? new(pod, its.Names.PodNamespace) : null,
            Containers = (its.Names.ContainerName ?? its.Names.ContainerId) is { } container ? [container] : [],
            NetnsInode = its.HostNetwork ? 0 : its.Inode,
            Connections = window.Level(NodeFigures.Established, subject),
            NewPerSecond = Rounded.Of(window.Rate(NodeFigures.Opened, subject)),
            RetransmitPercent = Share(
                window.Growth(NodeFigures.SentAgain, subject),
                window.Growth(NodeFigures.SentAgain, subject) + window.Growth(NodeFigures.SentSegments, subject)),
            RttP50Ms = Quantiles.Milliseconds(NodeFigures.RoundTrip, rtt, 0.5),
            RttP99Ms = Quantiles.Milliseconds(NodeFigures.RoundTrip, rtt, 0.99),
            ResetsPerSecond = Rounded.Of(window.Rate(NodeFigures.Resets, subject)),
            DropsPerSecond = Rounded.Of(Drops(window, subject)),
            ListenerWorst = WorstListener(window, subject),
            ReceiveQueueBytes = Sum(window, subject, NodeFigures.ReceiveQueues),
            ThrottledPercent = Throttled(window, subject),
            BytesInPerSecond = Rounded.Of(window.Rate(NodeFigures.Traffic.In, subject)),
            BytesOutPerSecond = Rounded.Of(window.Rate(NodeFigures.Traffic.Out, subject)),
            Findings = active.Length,
            Severity = active.Length == 0 ? null : active.Max(f => f.Severity).ToString().ToLowerInvariant(),
            Spark = spark,
        };
    }

    // A namespace that has lost nothing has no row of packetloss: that somebody watches it, the ledger tells.
    private static double? Drops(ViewWindow window, KnownSubject subject)
    {
        if (window.Before is null)
            return null;
        if (window.Level(NodeFigures.Dropped, subject) is not null
            || window.Level(NodeFigures.LossWatched, subject) is not null)
        {
            var (lost, overflows) = (0L, 0L);
            foreach (var row in window.Rows(NodeFigures.Dropped.Table, subject))
            {
                if (NodeFigures.IsListenOverflow(row.Row))
                    overflows += row.Growth(NodeFigures.Dropped);
                else if (NodeFigures.IsLost(row.Row))
                    lost += row.Growth(NodeFigures.Dropped);
            }
            // Overflows are told twice where the kernel has a reason for them.
            var refused = Math.Max(window.Growth(NodeFigures.ListenDrops, subject) ?? 0, overflows);
            return (lost + refused) / window.Window.Seconds;
        }
        return window.Rate(NodeFigures.LostByCounters, subject);
    }

    // Of a pod and its containers, where they are told apart, that which was held up most.
    private static double? Throttled(ViewWindow window, KnownSubject subject)
    {
        var (all, throttled) = NodeFigures.Periods;
        if (window.Before is null)
            return null;
        double? worst = null;
        foreach (var row in window.Rows(all.Table, subject))
        {
            if (Share(row.Grown(throttled), row.Grown(all)) is { } part && part >= (worst ?? 0))
                worst = part;
        }
        return worst;
    }

    private static double? Share(long? part, long? whole) =>
        whole is null or <= 0 ? null : Rounded.Of((double?)part / whole * Percent);

    private static long? Sum(ViewWindow window, KnownSubject subject, IReadOnlyList<Metric> metrics)
    {
        long? sum = null;
        foreach (var metric in metrics)
        {
            if (window.Level(metric, subject) is { } level)
                sum = (sum ?? 0) + level;
        }
        return sum;
    }

    private static ListenerUse? WorstListener(ViewWindow window, KnownSubject subject)
    {
        var (queue, limit, _) = NodeFigures.Listener;
        ListenerUse? worst = null;
        var part = -1.0;
        foreach (var row in window.Rows(NodeFigures.Listeners, subject))
        {
            if (row.Level(queue) is not { } used)
                continue;
            var most = row.Level(limit);
            var its = used / (double)Math.Max(1, most ?? 1);
            if (its <= part)
                continue;
            (worst, part) = (new(ListenerParts.PortOf(row), used, most), its);
        }
        return worst;
    }
}
