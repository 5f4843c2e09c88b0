using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Buffers;

/// <summary>All TCP sockets of the machine together have so much memory that buffers shrink.</summary>
internal sealed class TcpMemory(ProbeHost host) : LinuxRule(Kind, host)
{
    private const string Setting = "net.ipv4.tcp_mem";
    private static readonly Metric Entered = TcpFigures.Ext("TCPMemoryPressures");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "tcp-memory-pressure",
        Title = "TCP is short of memory",
        Severity = EventSeverity.Warn,
        Condition = "The machine's TCP sockets came to have more memory than the second figure of net.ipv4.tcp_mem "
            + "(TCPMemoryPressures): windows shrink, and received segments are thrown away.",
        Advice = "Find which sockets hold it (slow readers, many idle ones with full buffers), or raise "
            + "net.ipv4.tcp_mem.",
        Triggers = [FindingTrigger.Grows(Entered)],
        Evidence = [Sock.TcpMemory],
        Explains = [ReceivePruning.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var limit = Sysctl(null, Setting);
        var pages = window.Node.Level(Sock.TcpMemory) / Environment.SystemPageSize;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Direct = true,
            Confidence = FindingConfidence.SharedCounter,
            Sentence = $"finds the node's TCP memory scarce, {window.Growth(Entered)} times: {pages} pages of "
                + $"{limit.Split(' ')[^1]} are in use, and buffers of all connections shrink",
            Evidence = [window.Grew("TCPMemoryPressures", Entered), new("sockstat TCP mem", $"{pages} pages, tcp_mem "
                + $"{limit}")],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = SysctlKnob(null, Setting, "twice as much"),
            Confirm = "cat /proc/net/sockstat",
        };
    }
}
