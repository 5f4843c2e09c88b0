using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Many connections that no program holds any more still have something to send.</summary>
internal sealed class Orphans(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const string Setting = "net.ipv4.tcp_max_orphans";

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 64, "connections of the machine",
        "Fewer are what each busy server has.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(50), "connections that net.ipv4.tcp_max_orphans allows",
        "The kernel counts up to four times as many for one that has been trying for long.");

    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "tcp-orphans",
        Title = "Too many closed connections still have data to send",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows at least {Least.InWords} connections of the machine were held by no program and "
            + $"not over, {Part.InWords} or more of what net.ipv4.tcp_max_orphans allows: beyond it they are reset.",
        Advice = "Find the peers that vanished or do not read, and lower net.ipv4.tcp_orphan_retries, or raise the "
            + "limit.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Reaches(Sock.Orphan, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Level(Sock.Orphan) is not { } orphans || SysctlNumber(null, Setting) is not { } most
            || !_share.IsReached(orphans, most))
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
