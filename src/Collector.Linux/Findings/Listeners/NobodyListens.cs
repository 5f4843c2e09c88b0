using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>SYNs come to a port where nobody listens, and are answered with resets.</summary>
internal sealed class NobodyListens(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const int MostPorts = 3;
    private const int MostPeers = 3;

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "SYNs to one port in a window",
        "One or two are somebody who tries.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "SYNs to one port in a window",
        "Fewer are what clients see of a server that is started anew.");

    private readonly long _least = own.Get(Least);
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "nobody-listens",
        Title = "Clients ask for a port where nobody listens",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} SYNs or more to one port were answered with a reset because no "
            + $"socket is there. An error from {ErrorFrom.InWords} on where somebody listened there in the ten "
            + "minutes before; else a warning, for who tries ports does so too.",
        Advice = "Start the server again, or look why it ended; where nobody ever listened, correct the port that "
            + "clients, a Service or a probe use.",
        Thresholds = [Least, ErrorFrom],
        Triggers = [FindingTrigger.Happens(TcpReset.Sent)],
        Evidence = [TcpReset.Resets],
        Explains = [ConnectRefused.Kind],
        Blind = "Before Linux 6.10 resets without a socket are seen only where functions can be hooked.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Subject is null)
            yield break;
        var all = window.Events(TcpReset.Sent).Where(IsWithoutSocket).ToArray();
        var sent = Sent(window);
        foreach (var port in all.Where(IsSyn).GroupBy(static e => e.Tuple!.End(e.Tuple.Source, e.Tuple.SourcePort))
            .OrderByDescending(static g => g.Count()).Take(MostPorts))
        {
            // All are counted, and events of like ones are held back: its share of events is that of resets, where
            // there are enough for a share.
            var told = port.Count();
            var count = told < _least ? told : Math.Max(told, sent * told / all.Length);
            if (count < _least)
                continue;
            var (e, closed) = (port.Last(), port.Max(static e => Number(e, "netlens.listen.closed.duration")));
            var peers = port.Select(static e => e.Tuple!.DestinationPod ?? $"{e.Tuple.Destination}").Distinct()
                .ToArray();
            yield return new()
            {
                Severity = closed is not null && count >= _many ? EventSeverity.Error : EventSeverity.Warn,
                Detail = port.Key,
                Sentence = $"refuses connections at {port.Key}: nobody listens there{Since(closed)}, {count} SYNs in "
                    + $"{window.Span} were answered with a reset",
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    window.Grew(Source(e), count),
                    new("asked by", string.Join(", ", peers.Take(MostPeers))
                        + (peers.Length > MostPeers ? $" and {peers.Length - MostPeers} more" : "")),
                    .. closed is null ? Array.Empty<Evidence>() : [new("LISTEN to CLOSE", $"{Age(closed.Value)} ago")],
                ],
                RuledOut =
                [
                    "the network: the SYNs arrived",
                    .. closed is null ? Array.Empty<string>() : ["a wrong port: somebody listened there"],
                ],
                Confirm = Inside(window.Subject, $"ss -ltnp sport = :{e.Tuple!.SourcePort}"),
                Local = new IPEndPoint(e.Tuple.Source, e.Tuple.SourcePort),
                Tuple = e.Tuple,
            };
        }
    }

    private static bool IsWithoutSocket(NetworkEvent e) =>
        e.Tuple is not null && !e.IsSummary && Field(e, "netlens.reset.origin") == "no_socket";

    // What answers a SYN: others belong to connections that are long over.
    private static bool IsSyn(NetworkEvent e) => e.Severity == EventSeverity.Error;

    private static long Sent(SubjectWindow window)
    {
        var sum = 0L;
        foreach (var row in window.Rows(TcpReset.Table))
            sum += row.Tag("netlens.reset.origin") == "no_socket" ? row.Growth(TcpReset.Resets) : 0;
        return sum;
    }

    private static string Source(NetworkEvent e) =>
        Field(e, "netlens.reset.reason") is { Length: > 0 } reason
            ? $"tcp_send_reset, {reason}" : "resets without a socket";

    private static string Since(long? closed) => closed is { } since ? $" since {Age(since)}" : "";

    private static string Age(long nanoseconds) => nanoseconds < 60_000_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:0.#} s")
        : string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 60_000_000_000} min");
}
