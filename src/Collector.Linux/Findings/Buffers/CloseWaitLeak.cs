using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Buffers;

/// <summary>A program does not close connections that its peers have closed.</summary>
internal sealed class CloseWaitLeak(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "connections",
        "A program that closes late has a few of them for a while.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "close-wait-leak",
        Title = "A program keeps connections that its peers have closed",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows at least {Least.InWords} connections had been closed by the peer for over 10 s "
            + "and not by the program (CLOSE_WAIT).",
        Advice = "Close connections when reading says that they are over: each one keeps a descriptor, and there is "
            + "no end to it.",
        Thresholds = [Least],
        Triggers = [.. TcpConnections.Closing[1..].Select(static m => FindingTrigger.Reaches(m, 1))],
        Blind = "Needs the walk over all namespaces by eBPF.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var ages = TcpConnections.Closing[1..].Select(m => window.Level(m) ?? 0).ToArray();
        if (ages.Sum() < _least)
            yield break;
        var found = SocketSearch.Find(
            Host, HandleOf(window.Subject), SockDiag.IPPROTO_TCP, SocketSearch.CloseWait, static _ => 1);
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = found?.Process?.Command ?? "",
            Sentence = $"keeps {ages.Sum()} connections that their peers have closed: "
                + $"{found?.Program ?? "its program"} does not close them, and runs out of descriptors in the end",
            Evidence =
            [
                new("CLOSE_WAIT by age", $"{ages[0]} from 10 s, {ages[1]} from 1 min, {ages[2]} from 10 min on"),
                .. found is null ? [] : new Evidence[] { new("one of them", $"{found.Local} from {found.Remote}") },
            ],
            RuledOut = Checks.Of(window, Checks.Throttling),
            Confirm = Inside(window.Subject, "ss -tnp state close-wait"),
            Process = found?.Process,
        };
    }
}
