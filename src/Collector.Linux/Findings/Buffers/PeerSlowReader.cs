using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>The peer does not read, so what a program wants to send waits.</summary>
internal sealed class PeerSlowReader(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Probes = TcpFigures.Ext("TCPWinProbe");

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 2, "probes of a closed window, in a window",
        "The second goes out after some 600 ms: who reads again by then is no slow reader.");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "peer-slow-reader",
        Title = "A peer does not read what it is sent",
        Severity = EventSeverity.Warn,
        Condition = "In two windows a peer's receive window was probed because it was closed (TCPWinProbe), at least "
            + $"{Least.InWords} times, and a connection has data that wait.",
        Advice = "Look at the peer's program: this end has done its part.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Grows(Probes, Least)],
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
