using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>The peer does not read, so what a program wants to send waits.</summary>
internal sealed class PeerSlowReader(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric Probes = TcpFigures.Ext("TCPWinProbe");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "peer-slow-reader",
        Title = "A peer does not read what it is sent",
        Severity = EventSeverity.Warn,
        Condition = "In two windows a peer's receive window was probed because it was closed (TCPWinProbe), at least "
            + "twice, and a connection has data that wait.",
        Advice = "Look at the peer's program: this end has done its part.",
        Triggers = [FindingTrigger.Grows(Probes, 2)],
        Evidence = [Probes],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var found = SocketSearch.Find(Host, HandleOf(window.Subject), SockDiag.IPPROTO_TCP,
            SocketSearch.Established | SocketSearch.CloseWait, static s => s.SendQueue);
        if (found is null)
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = found.Tuple.DestinationPod ?? found.Tuple.Destination.ToString(),
            Sentence = $"cannot send to {found.Remote}: it does not read, its receive window is closed, and "
                + $"{found.Socket.SendQueue} bytes of {found.Program} wait",
            Evidence =
            [
                window.Grew("TCPWinProbe", Probes), new("Send-Q", $"{found.Socket.SendQueue} bytes at {found.Local}"),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Retransmissions, Checks.Throttling),
            Confirm = Inside(window.Subject, "ss -tinop state established"),
            Tuple = found.Tuple,
            Process = found.Process,
        };
    }
}
