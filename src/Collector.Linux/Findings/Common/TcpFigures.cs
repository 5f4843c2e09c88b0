using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Common;

/// <summary>What rules about TCP connections have in common.</summary>
internal static class TcpFigures
{
    /// <summary>Retransmissions of data after a loss: no handshakes, and no probes for the last segment.</summary>
    public static readonly string[] Losses = ["fast", "rto", "slow_start", "other"];

    public static readonly Metric Sent = Tcp.Of("Tcp", "OutSegs");
    public static readonly Metric Received = Tcp.Of("Tcp", "InSegs");

    /// <summary>A counter of Linux's own, by the kernel's name.</summary>
    public static Metric Ext(string counter) => TcpExt.Of("TcpExt", counter);

    /// <summary>Segments that were sent again for one of these reasons, with one of these verdicts.</summary>
    public static long SentAgain(SubjectWindow window, string[] kinds, params ReadOnlySpan<string> verdicts)
    {
        var sum = 0L;
        foreach (var row in window.Rows(TcpRetrans.Table))
        {
            if (kinds.Contains(row.Tag("netlens.retransmit.kind"))
                && verdicts.Contains(row.Tag("netlens.retransmit.verdict")))
                sum += row.Growth(TcpRetrans.Segments);
        }
        return sum;
    }

    /// <summary>Connections that began in the window, from either side.</summary>
    public static long Opened(SubjectWindow window) =>
        window.Growth(Tcp.Of("Tcp", "ActiveOpens")) + window.Growth(Tcp.Of("Tcp", "PassiveOpens"));

    /// <summary>Resets of one origin ("peer": received) whose state and reason pass.</summary>
    public static long Resets(SubjectWindow window, string origin, Func<string, string, bool> passes)
    {
        var sum = 0L;
        foreach (var row in window.Rows(TcpReset.Table))
        {
            if (row.Tag("netlens.reset.origin") == origin
                && passes(row.Tag("network.connection.state"), row.Tag("netlens.reset.reason")))
                sum += row.Growth(TcpReset.Resets);
        }
        return sum;
    }

    /// <summary>"2.5 %".</summary>
    public static string Percent(long part, long whole) => whole <= 0
        ? "all" : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(100, part * 100.0 / whole):0.##} %");

    /// <summary>
    /// What most of these connections were to, or at: the end with the smaller port is the service. Null without
    /// events.
    /// </summary>
    public static Service? ServiceOf(IEnumerable<NetworkEvent> events) => events
        .Where(e => e.Tuple is not null)
        .GroupBy(static e => e.Tuple!.SourcePort <= e.Tuple.DestinationPort
            ? (new IPEndPoint(e.Tuple.Source, e.Tuple.SourcePort), true)
            : (new IPEndPoint(e.Tuple.Destination, e.Tuple.DestinationPort), false))
        .OrderByDescending(static g => g.Count())
        .Select(static g => new Service(g.Key.Item1, g.Key.Item2, g.Last()))
        .FirstOrDefault();
}

/// <summary>A service that connections were of.</summary>
/// <param name="End">Its address and port.</param>
/// <param name="IsOurs">It is the subject's own.</param>
/// <param name="Last">The last event about it.</param>
internal sealed record Service(IPEndPoint End, bool IsOurs, NetworkEvent Last)
{
    /// <summary>"at 10.0.0.2:8080", "to shop/db-0:5432".</summary>
    public override string ToString() =>
        IsOurs ? $"at {End}" : $"to {new EventParties(null, Last.Tuple).Remote}";

    /// <summary>The same for what is told of the other end: "shop/client-0:4711", "10.0.0.2:80".</summary>
    public string Remote => IsOurs
        ? Last.Tuple!.DestinationPod ?? Last.Tuple.Destination.ToString()
        : new EventParties(null, Last.Tuple).Remote;
}
