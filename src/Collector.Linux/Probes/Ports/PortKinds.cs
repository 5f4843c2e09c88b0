using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;

namespace Collector.Linux.Probes.Ports;

/// <summary>Ports that run out: what is told about them.</summary>
internal static class PortKinds
{
    internal static readonly EventInfo Exhausted = new()
    {
        Name = "netlens.ports.exhausted",
        Severity = EventSeverity.Error,
        Description = "Every local port towards a destination is in use, or every port that SNAT has for it: further "
            + "connections to there fail (each is a netlens.connect.failed) or are dropped. Or UDP sockets have every "
            + "local port: others get none (EAGAIN, EADDRINUSE). The process has one of the ports.",
        Fields =
        [
            new("netlens.ports.kind"), new("netlens.ports.used"), new("netlens.ports.limit"),
            new("netlens.ports.time_wait"), new("netlens.ports.translated_address"),
        ],
    };

    internal static readonly EventInfo Filling = new()
    {
        Name = "netlens.ports.filling",
        Severity = EventSeverity.Warn,
        Description = "More than half of them are in use, and at the present rate none is left before long (option "
            + "warn).",
        Fields = [.. Exhausted.Fields, new("netlens.ports.time_to_full")],
    };

    public static EventKind<PortRecord> ExhaustedOf(SocketHolders holders) => Kind(Exhausted, holders, DescribeFull,
        static (in e) => [.. Fields(e)]);

    public static EventKind<PortRecord> FillingOf(SocketHolders holders) => Kind(Filling, holders, DescribeFilling,
        static (in e) => [.. Fields(e), e.TimeToFull]);

    private static EventKind<PortRecord> Kind(
        EventInfo info, SocketHolders holders, MessageOf<PortRecord> message,
        OfRecord<PortRecord, TagValue?[]> fields) => new()
        {
            Info = info,
            Reason = static (in e) => ((long)e.Translated.GetHashCode() << 16) | e.Flow.Dport,
            Message = message,
            Fields = fields,
            Tuple = static (in e) => e.IsOfDatagrams ? null : e.Flow.Tuple,
            Process = (in e) => holders.Find(e.Inode, e.Head.Netns),
            ProcessRole = "one is of",
        };

    private static TagValue?[] Fields(in PortRecord e) =>
    [
        e.IsTranslated ? "snat" : e.IsOfDatagrams ? "udp" : "local", (long)e.Used, (long)e.Limit, (long)e.TimeWait,
        e.IsTranslated ? AddressRows.AddressText(e.Translated) : default(TagValue?),
    ];

    private static string DescribeFull(in PortRecord e, EventParties parties) => e.IsTranslated
        ? $"{parties.Where} has no port left to translate connections to {parties.Remote} (SNAT): {Use(e, parties)}"
        : $"{parties.Where} has no local port left for {To(e, parties)}: {Use(e, parties)}";

    private static string DescribeFilling(in PortRecord e, EventParties parties) => e.IsTranslated
        ? $"{parties.Where} runs out of ports to translate connections to {parties.Remote} (SNAT) in "
            + $"{e.TimeToFull} s: {Use(e, parties)}"
        : $"{parties.Where} runs out of local ports for {To(e, parties)} in {e.TimeToFull} s: {Use(e, parties)}";

    private static string To(in PortRecord e, EventParties parties) =>
        e.IsOfDatagrams ? "UDP sockets" : parties.Remote;

    private static string Use(in PortRecord e, EventParties parties)
    {
        var of = e.IsTranslated
            ? $"{e.Used} of {e.Limit} of {AddressRows.AddressText(e.Translated)} are in use"
            : $"{e.Used} of {e.Limit} are in use (net.ipv4.ip_local_port_range)";
        var over = e.TimeWait == 0 ? "" : $", {e.TimeWait} by connections that are over (TIME_WAIT)";
        // Whoever has fewer than half may not be the one that has most.
        var whose = e.IsTranslated && e.Senders * 2 >= e.Used ? $", most for {parties.Sender}" : "";
        return of + over + whose;
    }
}
