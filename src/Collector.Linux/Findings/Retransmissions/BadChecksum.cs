using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Packets arrive damaged.</summary>
internal sealed class BadChecksum(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly (string Protocol, Metric[] Bad, Metric[] All)[] Protocols =
    [
        ("TCP", [Tcp.Of("Tcp", "InCsumErrors")], [TcpFigures.Received]),
        ("UDP", [Udp.Of("Udp", "InCsumErrors"), Udp.Of("Udp6", "InCsumErrors")],
            [Udp.Of("Udp", "InDatagrams"), Udp.Of("Udp6", "InDatagrams")]),
    ];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "packets in a window",
        "A damaged packet now and then TCP mends unnoticed.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "packets that came on",
        "From there on TCP becomes slow by it.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "bad-checksum",
        Title = "Packets arrive with a wrong checksum",
        Severity = EventSeverity.Error,
        Condition = "A packet of TCP or UDP was dropped for its checksum (InCsumErrors), which no healthy network "
            + $"causes; an error from {ErrorFrom.InWords} packets and {ErrorPart.InWords} of those that came on.",
        Advice = "On virtual devices suspect checksum offload (ethtool -K DEVICE tx off); else a cable, a port, a "
            + "memory.",
        Thresholds = [ErrorFrom, ErrorPart],
        Triggers = [.. Protocols.SelectMany(static p => p.Bad).Select(static m => FindingTrigger.Grows(m))],
        Evidence = [.. Protocols.SelectMany(static p => p.All)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (protocol, counters, received) in Protocols)
        {
            var (bad, all) = (Growth(window, counters), Growth(window, received));
            if (bad == 0)
                continue;
            yield return new()
            {
                Severity = _gravity.Of(bad, all),
                Direct = true,
                Detail = protocol,
                Sentence = $"gets {protocol} packets with wrong checksums and drops them, {bad} of {bad + all}: "
                    + "something damages them on the way, or an offload left the checksum out",
                Evidence = [window.Grew($"{protocol} InCsumErrors", bad), window.Grew($"{protocol} packets in", all)],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Confirm = Inside(window.Subject, protocol == "TCP"
                    ? "nstat -az TcpInCsumErrors"
                    : "nstat -az UdpInCsumErrors Udp6InCsumErrors"),
            };
        }
    }
}
