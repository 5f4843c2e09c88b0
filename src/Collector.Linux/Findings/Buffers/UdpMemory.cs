using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Buffers;

/// <summary>All UDP sockets of the machine together have used up what they may.</summary>
internal sealed class UdpMemory(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const string Setting = "net.ipv4.udp_mem";
    private static readonly Metric[] Got = [Udp.Of("Udp", "InDatagrams"), Udp.Of("Udp6", "InDatagrams")];
    private static readonly Metric[] Lost = [Udp.Of("Udp", "MemErrors"), Udp.Of("Udp6", "MemErrors")];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "datagrams in a window",
        "A burst now and then loses a few.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "datagrams received",
        "From there on what is asked by UDP is asked again often enough to be felt.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "udp-memory",
        Title = "UDP has used up its memory",
        Severity = EventSeverity.Error,
        Condition = "Datagrams were dropped because the machine's UDP sockets, or those of a cgroup, have as much "
            + $"memory as they may (MemErrors); an error from {ErrorFrom.InWords} and {ErrorPart.InWords} of those "
            + "received on.",
        Advice = "Find the socket that holds most of it, or raise net.ipv4.udp_mem, or the memory limit of the cgroup.",
        Thresholds = [ErrorFrom, ErrorPart],
        Triggers = [.. Lost.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [Sock.UdpMemory, .. Got],
        Blind = "The kernel counts it since Linux 5.16.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (lost, got, limit) = (Growth(window, Lost), Growth(window, Got), Sysctl(null, Setting));
        var pages = window.Node.Level(Sock.UdpMemory) / Environment.SystemPageSize;
        yield return new()
        {
            Severity = _gravity.Of(lost, got),
            Direct = true,
            Confidence = FindingConfidence.SharedCounter,
            Sentence = $"loses UDP datagrams for want of memory, {lost} in {window.Span}: the node's sockets have "
                + $"{pages} pages of {limit.Split(' ')[^1]}, or its cgroup may have no more",
            Evidence =
            [
                window.Grew("MemErrors", lost), window.Grew("InDatagrams", got),
                new("sockstat UDP mem", $"{pages} pages, udp_mem {limit}"),
            ],
            RuledOut = Checks.Of(window, Checks.Netfilter),
            Knob = SysctlKnob(null, Setting, "more pages"),
            Confirm = "cat /proc/net/sockstat",
        };
    }
}
