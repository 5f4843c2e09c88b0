using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;

namespace Collector.Linux.Findings.Buffers;

/// <summary>A program sends datagrams faster than they leave, and the kernel refuses some.</summary>
internal sealed class UdpSendOverflow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric[] Refused = [Udp.Of("Udp", "SndbufErrors"), Udp.Of("Udp6", "SndbufErrors")];
    private static readonly Metric[] Sent = [Udp.Of("Udp", "OutDatagrams"), Udp.Of("Udp6", "OutDatagrams")];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "datagrams in a window",
        "A burst now and then loses a few.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "datagrams sent",
        "From there on what is asked by UDP is asked again often enough to be felt.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "udp-send-overflow",
        Title = "UDP datagrams find no room in the send buffer",
        Severity = EventSeverity.Error,
        Condition = "Sends of datagrams were refused for a full send buffer (SndbufErrors without those that a queue "
            + $"of a device dropped); an error from {ErrorFrom.InWords} and {ErrorPart.InWords} of those sent on.",
        Advice = "Send more slowly or wait until the socket is writable, or allow more: SO_SNDBUF by the program, up "
            + "to net.core.wmem_max.",
        Thresholds = [ErrorFrom, ErrorPart],
        Triggers = [.. Refused.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [.. Sent],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // What the device's queue drops is told to the sender by the same counter.
        var (refused, sent) = (Growth(window, Refused) - Checks.QueueDrops(window), Growth(window, Sent));
        if (refused <= 0)
            yield break;
        var found = SocketSearch.Find(
            Host, HandleOf(window.Subject), SockDiag.IPPROTO_UDP, InetDiag.All, static s => s.SendQueue);
        yield return new()
        {
            Severity = _gravity.Of(refused, sent),
            Direct = true,
            Sentence = $"cannot send UDP datagrams, {refused} in {window.Span}: "
                + $"{found?.Program ?? "a program"} sends faster than they leave, its send buffer is full",
            Evidence =
            [
                window.Grew("SndbufErrors", refused), window.Grew("OutDatagrams", sent),
                .. found is null
                    ? []
                    : new Evidence[] { new("sk_wmem_alloc", $"{found.Socket.SendQueue} at {found.Local}") },
            ],
            RuledOut = Checks.Of(window, Checks.Throttling, Checks.Drops),
            Knob = new("SO_SNDBUF", "", $"more (net.core.wmem_max is {Sysctl(null, "net.core.wmem_max")})",
                "the program"),
            Confirm = Inside(window.Subject, "ss -uanmp"),
            Local = found?.Local,
            Process = found?.Process,
        };
    }
}
