using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;
using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Findings.Dns;

/// <summary>A DNS server does answer, when the program has given up already.</summary>
internal sealed class DnsLateAnswer(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    // Functions where the kernel has no reasons, or does not tell them.
    private static readonly string[] NoSocket = ["NO_SOCKET", "__udp4_lib_rcv", "__udp6_lib_rcv", "udpv6_rcv"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 2, "answers of a server in a window",
        "One is a single name that took long.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "errorShare", Share.Percent(25), "answers of the server",
        "A smaller part is of single names, not of the server.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-late-answer",
        Title = "DNS answers come after their programs have given up",
        Severity = EventSeverity.Error,
        Condition = $"Within a window {Least.InWords} or more answers of a server took over 500 ms and met a port that "
            + $"was closed by then; an error where that is {Part.InWords} of all. Needs the probe dns, which is off by "
            + "default.",
        Advice = "Nothing was lost: make the server faster (its processor time and quota, the servers that it asks "
            + "itself), or let programs wait longer.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Happens(DnsKinds.SlowInfo)],
        Evidence = [DnsCounters.Duration],
        Explains = [DnsSlow.Kind, DnsFiveSeconds.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var closed = window.Events(PacketLoss.Refused).Concat(window.Events(PacketLoss.Dropped))
            .Where(static e => e.Tuple is { Transport: "udp" } && NoSocket.Contains(Field(e, "netlens.drop.reason")))
            .Select(static e => (e.Tuple!.Source, e.Tuple.SourcePort, e.Tuple.Destination, e.Tuple.DestinationPort))
            .ToHashSet();
        foreach (var server in window.Events(DnsKinds.SlowInfo)
            .Where(e => e.Tuple is { } t && closed.Contains((t.Destination, t.DestinationPort, t.Source, t.SourcePort)))
            .GroupBy(static e => e.Tuple!.Destination.ToString()))
        {
            var late = server.Count();
            if (late < _least)
                continue;
            var its = DnsServerWindow.In(window).FirstOrDefault(s => s.Name == server.Key);
            var answered = Math.Max(its?.Answered ?? 0, late);
            var worst = server.MaxBy(static e => e.Duration ?? 0)!;
            var waited = Durations.Milliseconds(worst.Duration ?? 0);
            var before = server.Select(e => GivenUp(window, e)).Where(static t => t > 0).OrderDescending()
                .ToArray();
            yield return new()
            {
                Severity = _share.IsReached(late, answered) ? EventSeverity.Error : EventSeverity.Warn,
                Direct = true,
                Confidence = FindingConfidence.Event,
                Detail = server.Key,
                Sentence = $"got {late} of {answered} answers of the DNS server "
                    + $"{worst.Tuple!.DestinationPod ?? server.Key} when nobody waited for them any more, after up to "
                    + $"{waited} ms: the program had given up and closed its port",
                Evidence =
                [
                    new("answers to closed ports", $"{late} of {answered} in {window.Span}"),
                    new("the last of them", $"{worst.Tuple} asked {waited} ms before"),
                    .. before.Select(static t => new Evidence(
                        "given up before the answer", $"{Durations.Milliseconds(t)} ms, when it asked again")).Take(1),
                ],
                RuledOut = ["the server is silent, or queries are lost: each of these was answered",
                    .. Checks.Of(window, Checks.Conntrack)],
                NotSeen = before.Length > 0 ? []
                    : ["how long before the port was closed: nobody asked again meanwhile"],
                Knob = new(
                    "timeout of /etc/resolv.conf", "", "more than its server takes, or a faster server", "the pod"),
                Confirm = Inside(window.Subject, its?.Dig ?? "dig ."),
                Tuple = worst.Tuple,
                Process = worst.Process,
            };
        }
    }

    /// <summary>How long before the answer its program asked the same server again; 0: it did not.</summary>
    private static long GivenUp(SubjectWindow window, NetworkEvent answer)
    {
        var again = window.Events(DnsKinds.RetriedInfo)
            .Where(e => e.Tuple?.Destination.Equals(answer.Tuple!.Destination) == true
                && e.Process?.Pid == answer.Process?.Pid && e.Time < answer.Time
                && e.Time > answer.Time - (answer.Duration ?? 0));
        return again.Select(e => answer.Time - e.Time).DefaultIfEmpty(0).Max();
    }
}
