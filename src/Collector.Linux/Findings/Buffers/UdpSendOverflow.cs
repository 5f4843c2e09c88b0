using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;

namespace Collector.Linux.Findings.Buffers;

/// <summary>A program sends datagrams faster than they leave, and the kernel refuses some.</summary>
internal sealed class UdpSendOverflow(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric[] Refused = [Udp.Of("Udp", "SndbufErrors"), Udp.Of("Udp6", "SndbufErrors")];
    private static readonly Metric[] Sent = [Udp.Of("Udp", "OutDatagrams"), Udp.Of("Udp6", "OutDatagrams")];

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "udp-send-overflow",
        Title = "UDP datagrams find no room in the send buffer",
        Severity = EventSeverity.Error,
        Condition = "Sends of datagrams were refused for a full send buffer (SndbufErrors without those that a queue "
            + "of a device dropped); an error from 10 and 1 % of those sent on.",
        Advice = "Send more slowly or wait until the socket is writable, or allow more: SO_SNDBUF by the program, up "
            + "to net.core.wmem_max.",
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
            Severity = refused >= 10 && refused * 100 >= sent ? EventSeverity.Error : EventSeverity.Warn,
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
