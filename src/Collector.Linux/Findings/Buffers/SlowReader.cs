using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Buffers;

/// <summary>A program does not read what its peers send: they have to wait.</summary>
internal sealed class SlowReader(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Closed = TcpFigures.Ext("TCPToZeroWindowAdv");
    private static readonly Metric Wanted = TcpFigures.Ext("TCPWantZeroWindowAdv");

    private static readonly ProbeOption<long> Unread = Option.Count(
        "unread", 4096, "bytes that a socket holds",
        "Less is on its way to a program that is at work.", 1, 1L << 30);

    private static readonly ProbeOption<long> Stuck = Option.Count(
        "stuck", 32_768, "bytes in all receive queues of the namespace",
        "A sum from which it is worth a look, where nothing of it moves.", 1, 1L << 40);

    private readonly long _unread = own.Get(Unread);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "slow-reader",
        Title = "A program does not read what it is sent over TCP",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows a receive window was closed to the peer (TCPToZeroWindowAdv), or {Stuck.InWords} "
            + "bytes and more in receive queues did not change by a byte, while a socket held at least "
            + $"{Unread.InWords} bytes that its program had not read.",
        Advice = "Look what keeps the program from reading: a lock, its own upstream, a disk, its CPU quota.",
        Thresholds = [Unread, Stuck],
        Triggers =
        [
            FindingTrigger.Grows(Closed), FindingTrigger.Grows(Wanted),
            FindingTrigger.Reaches(TcpSummary.ReceiveQueue, Stuck),
        ],
        Evidence = [Closed, Wanted],
        Explains = [PeerSlowReader.Kind, ReceivePruning.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var closed = Growth(window, Closed, Wanted);
        if (closed == 0 && window.Growth(TcpSummary.ReceiveQueue) != 0)
            yield break;
        var found = SocketSearch.Find(
            Host, HandleOf(window.Subject), SockDiag.IPPROTO_TCP, SocketSearch.Established | SocketSearch.CloseWait,
            s => s.ReceiveQueue >= _unread ? s.ReceiveQueue : 0);
        if (found is null)
            yield break;
        var unread = found.Socket.ReceiveQueue;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = found.Process?.Command ?? "",
            Sentence = $"lets peers wait: {found.Program} has not read {unread} bytes from {found.Remote} at "
                + $"{found.Local}, " + (closed > 0 ? "its window is closed" : "and reads nothing more")
                + (found.Count > 1 ? $" ({found.Count - 1} more like it)" : ""),
            Evidence =
            [
                window.Grew("TCPToZeroWindowAdv", Closed), window.Grew("TCPWantZeroWindowAdv", Wanted),
                new("Recv-Q", string.Create(CultureInfo.InvariantCulture,
                    $"{unread} bytes, sk_rcvbuf {found.Socket.Limit}")),
            ],
            RuledOut = Checks.Of(window, Checks.Throttling, Checks.Drops),
            Confirm = Inside(window.Subject, "ss -tnmp state established"),
            Local = found.Local,
            Tuple = found.Tuple,
            Process = found.Process,
        };
    }
}
