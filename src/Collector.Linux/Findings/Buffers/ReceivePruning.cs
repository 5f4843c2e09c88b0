using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Receive buffers are so full of segments that the kernel has to throw some away.</summary>
internal sealed class ReceivePruning(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Pruned = TcpFigures.Ext("PruneCalled");

    private static readonly Metric[] Dropped =
    [
        TcpFigures.Ext("RcvPruned"), TcpFigures.Ext("TCPRcvQDrop"), TcpFigures.Ext("TCPOFODrop"),
        TcpFigures.Ext("OfoPruned"),
    ];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "segments, or queues of them, in a window",
        "Fewer peers send again unnoticed.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", new(10), "segments received",
        "Whole queues count as one: so small a part may be much.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "receive-pruning",
        Title = "TCP throws received segments away for want of buffer",
        Severity = EventSeverity.Error,
        Condition = "In two windows a receive queue had to be pruned (PruneCalled); an error, at once, where at "
            + $"least {ErrorFrom.InWords} segments, or queues of them, and {ErrorPart.InWords} of those received "
            + "were dropped for it (RcvPruned, TCPRcvQDrop, TCPOFODrop, OfoPruned), which peers must send again.",
        Advice = "Read faster, send larger pieces than a few bytes, or allow more by net.ipv4.tcp_rmem or SO_RCVBUF.",
        Thresholds = [ErrorFrom, ErrorPart],
        Triggers = [FindingTrigger.Grows(Pruned), .. Dropped.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [Pruned, .. Dropped, TcpFigures.Received],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var dropped = Growth(window, Dropped);
        var harms = _gravity.IsError(dropped, window.Growth(TcpFigures.Received));
        var found = SocketSearch.Find(Host, HandleOf(window.Subject), SockDiag.IPPROTO_TCP,
            SocketSearch.Established | SocketSearch.CloseWait, static s => s.ReceiveQueue);
        yield return new()
        {
            Severity = harms ? EventSeverity.Error : EventSeverity.Warn,
            Direct = harms,
            Sentence = $"has no buffer for what it is sent over TCP: {window.Growth(Pruned)} times the kernel made "
                + $"room, {dropped} times it threw segments away"
                + (found is null ? "" : $"; most waits for {found.Program} at {found.Local}"),
            Evidence =
            [
                window.Grew("PruneCalled", Pruned), window.Grew("RcvPruned", Dropped[0]),
                window.Grew("TCPRcvQDrop", Dropped[1]), window.Grew("TCPOFODrop", Dropped[2]),
                window.Grew("OfoPruned", Dropped[3]),
                window.Grew("TCPRcvCollapsed", TcpFigures.Ext("TCPRcvCollapsed")),
            ],
            RuledOut = Checks.Of(window, Checks.Throttling, Checks.Netfilter),
            Knob = SysctlKnob(window.Subject, "net.ipv4.tcp_rmem", "twice the last of the three"),
            Confirm = Inside(window.Subject, "ss -tnmp state established"),
            Local = found?.Local,
            Process = found?.Process,
        };
    }
}
