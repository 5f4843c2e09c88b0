using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// How the open connections of one namespace fare, apart by who began them, and how long some of them have been
/// waiting. Only the walk over all namespaces tells it.
/// </summary>
/// <remarks>
/// A namespace has no row before it has such a connection. Ages are levels by class and no histogram: one of those only
/// grows, and how many connections are that old now is what a leak shows by. For round-trip times each collection takes
/// a sample of every connection, so that their histogram grows.
/// </remarks>
internal sealed class TcpConnections(NetNamespace ns)
{
    private const string Open = "Open TCP connections (not half-open, not in TIME_WAIT), by who began them: a server's "
        + "are those whose local port somebody listens at now; only where one walk reads all namespaces.";

    private static readonly Metric Count =
        Metric.UpDownCounter("netlens.tcp.connection.count", Units.Connections, Open);

    private static readonly Metric Retransmitted = Metric.UpDownCounter("netlens.tcp.connection.retransmitted",
        Units.Segments, "Segments that the connections open now have sent again (total_retrans): falls as they end.");

    private static readonly Metric Lost = Metric.UpDownCounter("netlens.tcp.connection.lost", Units.Segments,
        "Segments on the way that the open connections take for lost now (lost_out).");

    internal static readonly Metric RoundTrip = Metric.Histogram("netlens.tcp.connection.rtt", Units.Seconds,
        "Smoothed round-trip time (srtt_us) of every open connection, taken once per collection.",
        [.. Enumerable.Range(4, RttCounts.SlotCount - 1).Select(bit => (1L << bit) / 1e6)], scale: 1e-6);

    /// <summary>By <c>enum role</c>.</summary>
    private static readonly string[] Names = ["client", "server"];

    private static readonly string[] Classes = ["1s", "10s", "1m", "10m"];

    internal static readonly Metric[] Closing = ByAge("netlens.tcp.connection.close_wait",
        "Connections that the peer has closed and the application has not (CLOSE_WAIT), by time since the peer's last "
        + "acknowledgement, from 1 s, 10 s, 1 min, 10 min on: from the close on, unless we still send.");

    internal static readonly Metric[] Waiting = ByAge("netlens.tcp.connection.unacknowledged",
        "Connections with data on the way of which the peer has acknowledged nothing for so long (delivered_mstamp), "
        + "from 1 s, 10 s, 1 min, 10 min on.");

    public static TableInfo Table { get; } = new("tcpsummary.connection", RowScope.Namespace,
        [new("netlens.connection.role")], [Count, Retransmitted, Lost, RoundTrip]);

    public static TableInfo AgeTable { get; } =
        new("tcpsummary.age", RowScope.Namespace, [], [.. Closing, .. Waiting]);

    private readonly Side[] _sides = [new(ns, 0), new(ns, 1)];
    private Row? _ages;

    private static Metric[] ByAge(string name, string description) =>
    [
        .. Classes.Select(age => Metric.UpDownCounter(
            name, Units.Connections, description, [new("netlens.connection.age", age)])),
    ];

    /// <summary>Writes what a walk found.</summary>
    public void Write(in SocketTotals totals, SnapshotBuilder snapshot)
    {
        for (var role = 0; role < Roles.Count; role++)
            _sides[role].Write(totals.Roles[role], snapshot);
        if (_ages is null && Sum(totals.Closing) + Sum(totals.Waiting) == 0)
            return;
        var writer = snapshot.Append(_ages ??= new Row(AgeTable, ns, snapshot.StartTimeOfNew(ns.StartTime)));
        for (var age = 0; age < AgeCounts.Classes; age++)
        {
            writer.Set(Closing[age], totals.Closing[age]);
            writer.Set(Waiting[age], totals.Waiting[age]);
        }
    }

    private static long Sum(ReadOnlySpan<uint> counts)
    {
        var sum = 0L;
        foreach (var count in counts)
            sum += count;
        return sum;
    }

    /// <summary>The connections of one role.</summary>
    private sealed class Side(NetNamespace ns, int role)
    {
        private readonly long[] _roundTrips = new long[RttCounts.SlotCount];
        private long _sum;
        private Row? _row;

        public void Write(in RoleTotals totals, SnapshotBuilder snapshot)
        {
            if (_row is null && totals.Connections == 0)
                return;
            _row ??= new Row(Table, ns, snapshot.StartTimeOfNew(ns.StartTime), Names[role]);
            for (var i = 0; i < _roundTrips.Length; i++)
                _roundTrips[i] += totals.Rtts[i];
            _sum += (long)totals.Rtt;
            var writer = snapshot.Append(_row);
            writer.Set(Count, totals.Connections);
            writer.Set(Retransmitted, (long)totals.Retransmitted);
            writer.Set(Lost, (long)totals.Lost);
            writer.Set(RoundTrip, _roundTrips, _sum);
        }
    }
}
