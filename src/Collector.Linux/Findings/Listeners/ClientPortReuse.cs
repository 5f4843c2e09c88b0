using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>New connections come from ports whose last one is in TIME_WAIT yet, and are not let through.</summary>
internal sealed class ClientPortReuse(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const int MostClients = 3;

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "SYNs from one address to one port in a window",
        "One or two are a client that happened to take the port again.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "SYNs from one address to one port in a window",
        "Each delays one connection by a second or more: fewer a client bears.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "connections accepted",
        "Of a smaller part nobody notices the delay.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "client-port-reuse",
        Title = "Clients use a port again while its last connection is in TIME_WAIT",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} SYNs or more from one address to one port met a connection in "
            + "TIME_WAIT and were not let through, because they looked older than it. An error from "
            + $"{ErrorFrom.InWords} on that are {ErrorPart.InWords} of the connections accepted: each delays one by "
            + "a second or more.",
        Advice = "Let clients (or the NAT before them) choose ports at random from a wider range, keep TCP "
            + "timestamps on at both ends, and let the client close first.",
        Thresholds = [Least, ErrorFrom, ErrorPart],
        Triggers = [FindingTrigger.Happens(TcpTwRcv.Refused)],
        Evidence = [TcpExt.Of("TcpExt", "PAWSTimewait"), TcpExt.Of("TcpExt", "TCPACKSkippedTimeWait")],
        Explains = [SlowHandshake.Kind, ConnectTimeout.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Subject is null)
            yield break;
        var accepted = window.Growth(Tcp.Of("Tcp", "PassiveOpens"));
        foreach (var pair in window.Events(TcpTwRcv.Refused).Where(IsSyn).GroupBy(Ends)
            .Where(g => g.Count() >= _least).OrderByDescending(static g => g.Count()).Take(MostClients))
        {
            var (e, count) = (pair.Last(), pair.Count());
            var tuple = e.Tuple!;
            var end = tuple.End(tuple.Source, tuple.SourcePort);
            yield return new()
            {
                Severity = _gravity.Of(count, accepted),
                Detail = pair.Key,
                Sentence = $"keeps {tuple.DestinationPod ?? $"{tuple.Destination}"} waiting at {end}: {count} SYNs in "
                    + $"{window.Span} came from ports whose last connection is in TIME_WAIT yet",
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    window.Grew("SYNs in TIME_WAIT, not let through", count),
                    window.Grew("PAWSTimewait", TcpExt.Of("TcpExt", "PAWSTimewait")),
                    window.Grew("TCPACKSkippedTimeWait", TcpExt.Of("TcpExt", "TCPACKSkippedTimeWait")),
                ],
                RuledOut =
                [
                    .. window.Growth(TcpExt.Of("TcpExt", "ListenDrops")) == 0
                        ? ["the listener dropped nothing"] : Array.Empty<string>(),
                    .. Checks.Of(window, Checks.Conntrack),
                ],
                Confirm = Inside(window.Subject, $"ss -tano state time-wait sport = :{tuple.SourcePort}"),
                Local = new IPEndPoint(tuple.Source, tuple.SourcePort),
                Tuple = tuple,
            };
        }
    }

    private static bool IsSyn(NetworkEvent e) =>
        e.Tuple is not null && !e.IsSummary && Field(e, "netlens.tcp.flags") == "SYN";

    private static string Ends(NetworkEvent e) =>
        $"{e.Tuple!.Destination} to {e.Tuple.End(e.Tuple.Source, e.Tuple.SourcePort)}";
}
