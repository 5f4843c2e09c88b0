using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Many connections that no program holds any more still have something to send.</summary>
internal sealed class Orphans(ProbeHost host) : LinuxRule(Kind, host)
{
    private const string Setting = "net.ipv4.tcp_max_orphans";

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "tcp-orphans",
        Title = "Too many closed connections still have data to send",
        Severity = EventSeverity.Warn,
        Condition = "In two windows at least 64 connections of the machine were held by no program and not over, half "
            + "or more of what net.ipv4.tcp_max_orphans allows: beyond it they are reset.",
        Advice = "Find the peers that vanished or do not read, and lower net.ipv4.tcp_orphan_retries, or raise the "
            + "limit.",
        Triggers = [FindingTrigger.Reaches(Sock.Orphan, 64)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Level(Sock.Orphan) is not { } orphans || SysctlNumber(null, Setting) is not { } most
            || orphans * 2 < most)
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"has {orphans} connections that no program holds and that are not over, of {most} that may "
                + "be: beyond that the kernel resets them",
            Evidence = [new("sockstat TCP orphan", $"{orphans} of {most}")],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = SysctlKnob(null, Setting, (most * 2).ToString(CultureInfo.InvariantCulture)),
            Confirm = "ss -tano state fin-wait-1 state last-ack state closing",
        };
    }
}
