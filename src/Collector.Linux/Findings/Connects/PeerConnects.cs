using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Connects;

namespace Collector.Linux.Findings.Connects;

/// <summary>Connects of a subject to one peer that ended alike within a window.</summary>
internal sealed record PeerConnects
{
    /// <summary>Fewer are what every client sees of a server that is started anew.</summary>
    private const int Least = 3;

    /// <summary>Peers of a subject that are told apart in a window: the worst.</summary>
    private const int MostPeers = 3;

    /// <summary>From how many on they are told.</summary>
    public static ProbeOption<long> Fewest { get; } = Option.Count(
        "least", Least, "connects in a window", "Fewer are what every client sees of a server that is started anew.");

    /// <summary>From how many on they are an error, where they are such a part, too.</summary>
    public static ProbeOption<long> ErrorFrom { get; } = Option.Count(
        "errorFrom", 10, "connects in a window", "Fewer a program tries again without anybody noticing.");

    /// <summary>The part that they must be.</summary>
    public static ProbeOption<Share> ErrorPart { get; } = Option.Part(
        "errorShare", Share.Percent(10), "connects to such ports", "Where more succeed the application works.");

    /// <summary>How bad they are by these thresholds.</summary>
    public static Gravity GravityOf(FindingSettings own) => new(own.Get(ErrorFrom), own.Get(ErrorPart));

    /// <summary>What they have in common, by its address: "192.0.2.2:81".</summary>
    public required string Peer { get; init; }

    /// <summary>Those whose events got through, oldest first.</summary>
    public required NetworkEvent[] Events { get; init; }

    /// <summary>How many they were, with those that were held back.</summary>
    public required long Count { get; init; }

    /// <summary>Connects of the subject to such ports that are over, successful ones included; 0: not known.</summary>
    public required long All { get; init; }

    public NetworkEvent Last => Events[^1];

    /// <summary>The peer by its name, where it is a pod.</summary>
    public string Remote => new EventParties(null, Last.Tuple).Remote;

    /// <summary>Enough of them failed for an application to be in trouble: so many, and such a part of all.</summary>
    public EventSeverity Severity(Gravity gravity) => gravity.Of(Count, All);

    /// <summary>"14 connects in 10 s".</summary>
    public string Times(SubjectWindow window) => $"{Count} connects in {window.Span}";

    /// <summary>The longest that one took: "3.02 s"; empty where none took any.</summary>
    public string Longest => Events.Max(static e => e.Duration) is > 0 and var longest
        ? string.Create(CultureInfo.InvariantCulture, $"{longest / 1e9:0.0##} s") : "";

    /// <summary>Most SYNs that one sent.</summary>
    public long Syns => 1 + Events.Max(static e => e.Field("netlens.connect.retransmits")?.Number ?? 0);

    /// <summary>The address to look at, as commands take it.</summary>
    public string Address => Last.Tuple!.Destination.ToString();

    /// <summary>As evidence.</summary>
    public IEnumerable<Evidence> Proof(SubjectWindow window, string what) =>
    [
        window.Grew(what, Count),
        .. All > Count ? [window.Grew("of all connects to such ports", All)] : Array.Empty<Evidence>(),
    ];

    /// <summary>The peers to which most failed, so many or more.</summary>
    /// <param name="window">The subject's.</param>
    /// <param name="info">Kind of event.</param>
    /// <param name="least">Fewer are not told.</param>
    /// <param name="which">Those that count.</param>
    /// <param name="key">What they have in common; null: the peer's end.</param>
    public static PeerConnects[] Of(
        SubjectWindow window, EventInfo info, long least, Func<NetworkEvent, bool> which,
        Func<NetworkEvent, string>? key = null)
    {
        if (window.Subject is null)
            return [];
        var all = window.Events(info).Where(static e => e.Tuple is not null && !e.IsSummary).ToArray();
        return
        [
            .. all.Where(which).GroupBy(key ?? EndOf).Select(g => Make(window, all, g.Key, [.. g]))
                .Where(p => p.Count >= least).OrderByDescending(static p => p.Count).Take(MostPeers),
        ];
    }

    private static PeerConnects Make(SubjectWindow window, NetworkEvent[] all, string peer, NetworkEvent[] events)
    {
        var count = 0L;
        var total = 0L;
        var ports = new HashSet<string>();
        foreach (var like in events.GroupBy(static e => (Outcome: Outcome(e), Port: PortClass(e))))
        {
            var (failed, ended) = Counted(window, like.Key.Outcome, like.Key.Port);
            var told = all.Count(e => Outcome(e) == like.Key.Outcome && PortClass(e) == like.Key.Port);
            // Each is counted, and events of like ones are held back: the peer's share of these is that of connects,
            // where there are enough for a share.
            count += like.Count() >= Least && IsEvent(like.Key.Outcome)
                ? Math.Max(like.Count(), failed * like.Count() / told) : like.Count();
            total += ports.Add(like.Key.Port) ? ended : 0;
        }
        return new() { Peer = peer, Events = events, Count = count, All = total };
    }

    // Of those that succeed or are given up most are in order, and only some make an event.
    private static bool IsEvent(string outcome) => outcome is not ("" or "aborted");

    private static (long Failed, long All) Counted(SubjectWindow window, string outcome, string port)
    {
        var (failed, all) = (0L, 0L);
        foreach (var row in window.Rows(ConnectCounters.Table))
        {
            if (row.Tag("netlens.peer.port_class") != port)
                continue;
            var growth = row.Growth(ConnectCounters.Attempts);
            all += growth;
            failed += row.Tag("netlens.connect.outcome") == outcome ? growth : 0;
        }
        return (failed, all);
    }

    private static string EndOf(NetworkEvent e) => e.Tuple!.End(e.Tuple.Destination, e.Tuple.DestinationPort);

    /// <summary>How it ended; empty where it succeeded.</summary>
    public static string Outcome(NetworkEvent e) => e.Field("netlens.connect.outcome")?.Text ?? "";

    private static string PortClass(NetworkEvent e) => e.Field("netlens.peer.port_class")?.Text ?? "";

    /// <summary>The next hop whose hardware address nobody told; null: it is known.</summary>
    public static string? SilentHop(NetworkEvent e) => e.Field("netlens.neighbour.address")?.Text;
}
