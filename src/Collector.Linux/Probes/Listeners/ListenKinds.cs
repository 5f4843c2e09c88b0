using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;
using Collector.Linux.Processes;

namespace Collector.Linux.Probes.Listeners;

/// <summary>Listeners that drop handshakes, or answer them with cookies: what is told about them.</summary>
internal static class ListenKinds
{
    internal static readonly EventInfo Overflow = new()
    {
        Name = "netlens.listen.overflow",
        Severity = EventSeverity.Error,
        Description = "A listener dropped handshakes since the collection before: who connects to it waits for a "
            + "second and more. The process is who listens.",
        Fields =
        [
            new("network.local.address"), new("network.local.port"), new("netlens.listen.cause"),
            new("netlens.listen.dropped"), new("netlens.listen.queue"), new("netlens.listen.limit"),
            new("netlens.listen.limit.origin"), new("netlens.listen.half_open"),
            new("netlens.listen.unanswered.handshakes"), new("netlens.listen.unanswered.peers"),
        ],
    };

    internal static readonly EventInfo Cookies = new()
    {
        Name = "netlens.listen.cookies",
        Severity = EventSeverity.Warn,
        Description = "More handshakes than a listener may have were under way, and further SYNs were answered with "
            + "cookies: by load, where most came back, or by a flood. The process is who listens.",
        Fields =
        [
            new("network.local.address"), new("network.local.port"), new("netlens.listen.verdict"),
            new("netlens.listen.cookies.sent"), new("netlens.listen.cookies.received"),
            new("netlens.listen.half_open"), new("netlens.listen.limit"), new("netlens.listen.limit.origin"),
        ],
    };

    public static EventKind<ListenRecord> OverflowOf(SocketHolders holders) => Kind(
        Overflow, holders, DescribeOverflow, static (in e) =>
        [
            Address(e), (long)e.Port, Cause(e.Cause), e.Dropped, (long)e.Depth, (long)e.Limit, Text(Origin(e)),
            e.HalfOpen < 0 ? default(TagValue?) : e.HalfOpen,
            e.Unanswered.Handshakes == 0 ? default(TagValue?) : e.Unanswered.Handshakes, Text(Peers(e)),
        ]);

    public static EventKind<ListenRecord> CookiesOf(SocketHolders holders) => Kind(
        Cookies, holders, DescribeCookies, static (in e) =>
        [
            Address(e), (long)e.Port, IsLoad(e) ? "load" : "flood", e.CookiesSent, e.CookiesReceived, e.HalfOpen,
            (long)e.Limit, Text(Origin(e)),
        ]);

    private static EventKind<ListenRecord> Kind(
        EventInfo info, SocketHolders holders, MessageOf<ListenRecord> message,
        OfRecord<ListenRecord, TagValue?[]> fields) => new()
        {
            Info = info,
            Reason = static (in e) => ((long)e.Address.GetHashCode() << 16) | e.Port,
            Message = message,
            Fields = fields,
            Process = (in e) => holders.Find(e.Inode, e.Head.Netns),
            ProcessRole = "listening:",
        };

    private static TagValue? Text(string? text) => text is null ? default(TagValue?) : text;

    // Who only floods never answers.
    private static bool IsLoad(in ListenRecord e) => e.CookiesReceived * 2 >= e.CookiesSent;

    private static string Address(in ListenRecord e) => TcpListeners.AddressText(e.Address);

    private static string Cause(ListenCause cause) => cause switch
    {
        ListenCause.AcceptQueue => "accept_queue",
        ListenCause.SynQueue => "syn_queue",
        _ => "other",
    };

    // The kernel keeps the smaller of what the program asked for and somaxconn, as that was then.
    private static string? Origin(in ListenRecord e) =>
        e.Somaxconn == 0 ? null : e.Limit == e.Somaxconn ? "somaxconn" : "backlog";

    private static string End(in ListenRecord e) =>
        AddressRows.End(Address(e), e.Port.ToString(CultureInfo.InvariantCulture));

    private static string Limit(in ListenRecord e) => Origin(e) switch
    {
        "somaxconn" => $"the limit is {e.Limit}, as net.core.somaxconn says",
        "backlog" => $"the limit is {e.Limit}, as the program asked for",
        _ => $"the limit is {e.Limit}",
    };

    private static string DescribeOverflow(in ListenRecord e, EventParties parties)
    {
        var why = e.Cause switch
        {
            ListenCause.AcceptQueue => $"it accepts too slowly, {e.Depth} connections wait",
            ListenCause.SynQueue => $"too many handshakes are under way{(e.HalfOpen < 0 ? "" : $" ({e.HalfOpen})")}",
            _ => $"its queue is not full, {e.Depth} connections wait",
        };
        var who = Peers(e) is { } peers ? $"; without an answer: {peers}" : "";
        return $"{parties.Local} dropped {e.Dropped} packets of handshakes at {End(e)}: {why} and {Limit(e)}{who}";
    }

    // "10.0.0.7, 10.0.0.8 and 3 others"
    private static string? Peers(in ListenRecord e)
    {
        var peers = e.Unanswered.Peers;
        if (peers == 0)
            return null;
        var named = new string[Math.Min(peers, PeerAddresses.Most)];
        for (var i = 0; i < named.Length; i++)
            named[i] = TcpListeners.AddressText(e.Unanswered.First[i]);
        var text = string.Join(", ", named);
        return (peers - named.Length) switch
        {
            0 => text,
            1 => $"{text} and 1 other",
            var others => $"{text} and {others} others",
        };
    }

    private static string DescribeCookies(in ListenRecord e, EventParties parties) =>
        $"{parties.Local} answered {e.CookiesSent} SYNs with cookies, of which {e.CookiesReceived} came back: "
        + $"{e.HalfOpen} handshakes are under way at {End(e)} and {Limit(e)}, by {(IsLoad(e) ? "load" : "a flood")}";
}
