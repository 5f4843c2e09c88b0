using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Tcp;

namespace Ebpf.Tests.Probes;

/// <summary>What the probe <c>tcpsummary</c> says of one namespace, a line per figure that is not 0.</summary>
internal static class SocketRows
{
    private const string Limit = "netlens.tcp.listen.queue.limit";
    private const string HalfOpen = "netlens.tcp.listen.half_open";

    /// <summary>Every figure of both tables that sock_diag tells, too.</summary>
    public static List<string> All(Snapshot snapshot, ulong inode) =>
    [
        .. Lines(snapshot, inode, States, _ => true),
        .. Lines(snapshot, inode, TcpListeners.Table, m => m.Name != HalfOpen),
    ];

    /// <summary>Handshakes that are not over, by listener.</summary>
    public static IEnumerable<string> Halves(Snapshot snapshot, ulong inode) =>
        Lines(snapshot, inode, TcpListeners.Table, m => m.Name == HalfOpen);

    /// <summary>States, queues, and the limits of listeners.</summary>
    public static List<string> Short(Snapshot snapshot, ulong inode) =>
    [
        .. Lines(snapshot, inode, States, _ => true),
        .. Lines(snapshot, inode, TcpListeners.Table, m => m.Name == Limit),
    ];

    private static TableInfo States => TcpSummary.Info.Tables[0].Whole;

    private static IEnumerable<string> Lines(Snapshot snapshot, ulong inode, TableInfo wanted, Predicate<Metric> which)
    {
        if (snapshot.Tables.SingleOrDefault(t => t.Info.Id == wanted.Id) is not { } table)
            yield break;
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode != inode)
                continue;
            foreach (var metric in table.Info.Metrics.Where(m => which(m)))
            {
                var value = table.Column(metric)[r];
                if (value is not 0 and not Metric.Absent)
                    yield return string.Join(' ', [.. Words(table.Rows[r], metric), value.ToString()]);
            }
        }
    }

    private static IEnumerable<string> Words(Row row, Metric metric) => row.Tags.Count == 0
        ? [metric.Tags[^1].Value.Text!]
        : [.. row.Tags.Select(t => t.ToString()).Where(t => t.Length > 0), metric.Name];
}
