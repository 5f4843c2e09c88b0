using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Probes;

namespace Collector.Worker.View;

/// <summary>Whom a subject talks to, as the flow probe tells it where it is on, and connects that failed.</summary>
internal static class PeerParts
{
    private const int Most = 100;

    public static IReadOnlyList<PeerView> Of(ViewWindow window, KnownSubject subject) =>
        [.. Flows(window, subject).Concat(Failed(window, subject))];

    private static IEnumerable<PeerView> Flows(ViewWindow window, KnownSubject subject)
    {
        var (connections, sentAgain, roundTrip) = NodeFigures.Flow;
        var known = window.Before is not null;
        return window.Rows(NodeFigures.Flows, subject)
            .Select(row => new PeerView(
                row.Tag("netlens.peer.pod") is { Length: > 0 } pod ? pod : row.Tag("network.peer.address"),
                row.Tag("server.port"), known ? row.Grown(connections) : null,
                row.Level(roundTrip) is { } rtt ? Rounded.Of(Metric.Scaled(rtt, roundTrip.Scale) * 1000) : null,
                known ? row.Grown(sentAgain) : null, new Dictionary<string, long>()))
            .OrderByDescending(static p => p.Retransmits ?? 0).ThenByDescending(static p => p.Connections ?? 0)
            .ThenByDescending(static p => p.RttMs ?? 0)
            .Take(Most);
    }

    // The kernel side tells them by class of port, not by peer.
    private static IEnumerable<PeerView> Failed(ViewWindow window, KnownSubject subject)
    {
        if (window.Before is null)
            return [];
        var byPort = new SortedDictionary<string, SortedDictionary<string, long>>(StringComparer.Ordinal);
        foreach (var row in window.Rows(NodeFigures.Connects.Table, subject))
        {
            var outcome = row.Tag("netlens.connect.outcome");
            if (!NodeFigures.IsFailure(outcome) || row.Growth(NodeFigures.Connects) is not (> 0 and var count))
                continue;
            if (!byPort.TryGetValue(row.Tag("netlens.peer.port_class"), out var outcomes))
                byPort.Add(row.Tag("netlens.peer.port_class"), outcomes = new(StringComparer.Ordinal));
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + count;
        }
        return byPort.Select(static p => new PeerView("*", p.Key, null, null, null, p.Value));
    }
}
