using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Connections of one role in a namespace, as we or ss(8) tell them; times in microseconds.</summary>
internal sealed record ConnectionFigures(
    long Count, long Retransmitted, long Lost, IReadOnlyList<long> RoundTrips, long RoundTripSum)
{
    private static readonly int Slots = Metric("rtt").Width - 1;

    private static Metric Metric(string name) =>
        TcpConnections.Table.Metrics.Single(m => m.Name == $"netlens.tcp.connection.{name}");

    /// <summary>What one collection found: the histogram is what has come to that of the one before.</summary>
    /// <param name="last">The collection before; null in the first.</param>
    /// <param name="snapshot">The collection.</param>
    /// <param name="ns">The namespace.</param>
    /// <param name="role">client or server.</param>
    public static ConnectionFigures? Of(Snapshot? last, Snapshot snapshot, TestNetns ns, string role)
    {
        if (Row(snapshot, ns, role) is not { } now)
            return null;
        var before = last is null ? null : Row(last, ns, role);
        var rtt = Metric("rtt").Column;
        var grown = Enumerable.Range(rtt, Slots + 1).Select(c => now[c] - (before?[c] ?? 0)).ToArray();
        return new(now[Metric("count").Column], now[Metric("retransmitted").Column], now[Metric("lost").Column],
            grown[..^1], grown[^1]);
    }

    private static long[]? Row(Snapshot snapshot, TestNetns ns, string role)
    {
        if (snapshot.Find(TcpConnections.Table) is not { } table)
            return null;
        for (var row = 0; row < table.Count; row++)
        {
            var at = row;
            if (table.Rows[row].Subject?.Inode == ns.Inode && table.Rows[row].Tags[0].Text == role)
                return [.. Enumerable.Range(0, table.Info.Width).Select(c => table.Column(c)[at])];
        }
        return null;
    }

    /// <summary>The same by a look of ss(8): <c>ss -H -O -tin</c>.</summary>
    /// <param name="ss">Its lines.</param>
    /// <param name="listening">Ports of which connections are a server's.</param>
    /// <param name="role">client or server.</param>
    public static ConnectionFigures OfSs(string ss, int[] listening, string role)
    {
        var lines = ss.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(l => !l.StartsWith("TIME-WAIT") && !l.StartsWith("SYN-"))
            .Where(l => listening.Contains(LocalPort(l)) == (role == "server")).ToList();
        var times = lines.Select(l => Number(l, "rtt")).Where(t => t > 0)
            .Select(t => (long)Math.Round(t * 1000)).ToList();
        var slots = new long[Slots];
        var bounds = Metric("rtt").Bounds!;
        foreach (var time in times)
            slots[bounds.Count(b => Math.Round(b * 1e6) < time)]++;
        return new(lines.Count, lines.Sum(l => (long)Number(l, "retrans", 1)),
            lines.Sum(l => (long)Number(l, "lost")), slots, times.Sum());
    }

    private static int LocalPort(string line)
    {
        var address = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        return int.Parse(address[(address.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
    }

    // rtt:0.04/0.02 or retrans:0/3; 0 where it is not said.
    private static double Number(string line, string word, int at = 0) =>
        line.Split(' ').FirstOrDefault(w => w.StartsWith(word + ':', StringComparison.Ordinal)) is { } said
            ? double.Parse(said[(word.Length + 1)..].Split('/')[at], CultureInfo.InvariantCulture)
            : 0;

    /// <summary>The same to the six digits that ss(8) has of a time.</summary>
    public void ShouldBe(ConnectionFigures theirs)
    {
        ToString().ShouldBe(theirs.ToString());
        RoundTripSum.ShouldBeInRange(
            (long)(theirs.RoundTripSum * 0.99999) - Count, (long)(theirs.RoundTripSum * 1.00001) + Count);
    }

    public override string ToString() => $"{Count} {Retransmitted} {Lost} [{string.Join(' ', RoundTrips)}]";
}

/// <summary>How many connections of a namespace wait how long.</summary>
internal static class ConnectionAges
{
    /// <summary>A word per figure that is not 0: <c>close_wait 1s 2</c>; null where the namespace has no row.</summary>
    public static string? Of(Snapshot snapshot, TestNetns ns)
    {
        if (snapshot.Find(TcpConnections.AgeTable) is not { } table)
            return null;
        for (var row = 0; row < table.Count; row++)
        {
            var at = row;
            if (table.Rows[row].Subject?.Inode != ns.Inode)
                continue;
            return string.Join(", ", table.Info.Metrics.Where(m => table.Column(m)[at] != 0).Select(
                m => $"{m.Name[(m.Name.LastIndexOf('.') + 1)..]} {m.Tags[0].Value.Text} {table.Column(m)[at]}"));
        }
        return null;
    }
}
