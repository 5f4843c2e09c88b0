using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Probes;

namespace Collector.Worker.View;

/// <summary>The listeners of a subject.</summary>
internal static class ListenerParts
{
    private const int Most = 200;
    private const string Address = "network.local.address";
    private const string Port = "network.local.port";
    private const string Origin = "netlens.listen.limit.origin";

    /// <summary>Null: the row of those that are not told one by one.</summary>
    public static int? PortOf(in WindowRow row) =>
        int.TryParse(row.Tag(Port), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? port : null;

    /// <param name="window">What happened.</param>
    /// <param name="subject">Of whom.</param>
    /// <param name="events">Its own, the newest first: of those that dropped they say who listens.</param>
    public static IReadOnlyList<ListenerView> Of(
        ViewWindow window, KnownSubject subject, IReadOnlyList<NetworkEvent> events)
    {
        var name = SubjectIds.NameOf(subject.First);
        return
        [
            .. Read(window, subject, events, name)
                .OrderByDescending(static l => (l.Queue ?? 0) / (double)Math.Max(1, l.Limit ?? 1))
                .ThenByDescending(static l => l.Drops ?? 0).ThenBy(static l => l.Port).Take(Most)
                .Select(static l => l.Alone()),
        ];
    }

    /// <inheritdoc cref="Of"/>
    public static IEnumerable<NodeListener> OfNode(
        ViewWindow window, KnownSubject subject, IReadOnlyList<NetworkEvent> events) =>
        Read(window, subject, events, SubjectIds.NameOf(subject.First));

    private static IEnumerable<NodeListener> Read(
        ViewWindow window, KnownSubject subject, IReadOnlyList<NetworkEvent> events, string name)
    {
        var (queue, limit, drops) = NodeFigures.Listener;
        foreach (var row in window.Rows(NodeFigures.Listeners, subject))
        {
            var (address, port) = (row.Tag(Address), PortOf(row));
            var told = port is null ? null : events.FirstOrDefault(e => NodeFigures.ListenerEvents.Contains(e.Info)
                && e.Field(Port)?.Number == port && e.Field(Address)?.Text == address);
            yield return new(
                subject.Id, name, port is null ? null : address, port, told?.Process?.Pid, told?.Process?.Command,
                row.Level(queue), row.Level(limit), told?.Field(Origin)?.Text,
                window.Before is null ? null : Rounded.Of(row.Grown(drops) / window.Window.Seconds),
                row.Level(drops));
        }
    }
}
