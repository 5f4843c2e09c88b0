using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Resets;

/// <summary>The kernel resets connections because it has no room for those that were closed, or for any.</summary>
internal sealed class MemoryReset(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric Reset = TcpFigures.Ext("TCPAbortOnMemory");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reset-for-memory",
        Title = "The kernel resets connections for want of memory",
        Severity = EventSeverity.Error,
        Condition = "A connection was reset because the machine had too many that no program holds any more, or TCP "
            + "too little memory (TCPAbortOnMemory): what it still had to send is lost.",
        Advice = "Find what leaves connections behind with data unsent, or raise net.ipv4.tcp_max_orphans or tcp_mem.",
        Triggers = [FindingTrigger.Grows(Reset)],
        Evidence = [Reset, Sock.Orphan, Sock.TcpMemory],
        Explains = [PeerReset.Kind, IdleReset.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Growth(Reset) is not (> 0 and var reset))
            yield break;
        var (orphans, most) = (window.Node.Level(Sock.Orphan), SysctlNumber(null, "net.ipv4.tcp_max_orphans"));
        var pages = window.Node.Level(Sock.TcpMemory) / Environment.SystemPageSize;
        var limit = Sysctl(null, "net.ipv4.tcp_mem");
        // The kernel counts up to four times as many for a connection that has been trying for long.
        var byMemory = long.TryParse(limit.Split(' ')[^1], CultureInfo.InvariantCulture, out var last) && pages >= last;
        yield return new()
        {
            Severity = EventSeverity.Error,
            Direct = true,
            Sentence = $"has connections reset by the kernel, {reset} in {window.Span}: "
                + (byMemory
                    ? "TCP has used up the machine's memory for it"
                    : "too many were closed with data still to be sent"),
            Evidence =
            [
                window.Grew("TCPAbortOnMemory", reset),
                new("sockstat TCP orphan", $"{orphans} of {most}"),
                new("sockstat TCP mem", $"{pages} pages, tcp_mem {limit}"),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = byMemory
                ? SysctlKnob(null, "net.ipv4.tcp_mem", "more pages")
                : SysctlKnob(null, "net.ipv4.tcp_max_orphans",
                    most is { } now ? (now * 2).ToString(CultureInfo.InvariantCulture) : "more"),
            Confirm = "cat /proc/net/sockstat",
        };
    }
}
