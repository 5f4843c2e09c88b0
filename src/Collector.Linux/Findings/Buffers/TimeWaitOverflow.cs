using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Connections that are over find no place in TIME_WAIT.</summary>
internal sealed class TimeWaitOverflow(ProbeHost host) : LinuxRule(Kind, host)
{
    private const string Setting = "net.ipv4.tcp_max_tw_buckets";
    private static readonly Metric Counter = TcpFigures.Ext("TCPTimeWaitOverflow");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "time-wait-overflow",
        Title = "TIME_WAIT has no room",
        Severity = EventSeverity.Warn,
        Condition = "A connection that was over found no place in TIME_WAIT (TCPTimeWaitOverflow): late segments of "
            + "it can meet the next one between the same ends.",
        Advice = "Keep connections open for several requests, or raise net.ipv4.tcp_max_tw_buckets of the namespace.",
        Triggers = [FindingTrigger.Grows(Counter)],
        Evidence = [Counter],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (over, most) = (window.Growth(Counter), SysctlNumber(window.Subject, Setting));
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Direct = true,
            Sentence = $"ends more connections than TIME_WAIT may hold{(most is null ? "" : $" ({most})")}: {over} in "
                + $"{window.Span} were forgotten at once",
            Evidence =
            [
                window.Grew("TCPTimeWaitOverflow", over), window.Grew("connections begun", TcpFigures.Opened(window)),
            ],
            Knob = SysctlKnob(window.Subject, Setting,
                most is { } now ? (Math.Max(now, 4096) * 4).ToString(CultureInfo.InvariantCulture) : "more"),
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPTimeWaitOverflow"),
        };
    }
}
