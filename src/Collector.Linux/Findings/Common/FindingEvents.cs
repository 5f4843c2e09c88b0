using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;

namespace Collector.Linux.Findings.Common;

/// <summary>Findings as events, so that they go wherever events do.</summary>
public static class FindingEvents
{
    public static EventInfo Raised { get; } = new()
    {
        Name = "netlens.finding.raised",
        Severity = EventSeverity.Warn,
        Description = "The cause of a fault was found, or a fault got worse; its severity is the finding's.",
        Fields =
        [
            new("netlens.finding.kind"), new("netlens.finding.detail"), new("netlens.finding.evidence"),
            new("netlens.finding.ruled_out"), new("netlens.finding.change"), new("netlens.finding.confirm"),
        ],
    };

    public static EventInfo Ended { get; } = new()
    {
        Name = "netlens.finding.ended",
        Severity = EventSeverity.Info,
        Description = "A fault that was told was not seen for a minute.",
        Fields = [new("netlens.finding.kind"), new("netlens.finding.detail")],
    };

    /// <summary>Tells of a finding that is new, worse or over.</summary>
    public static void Report(IEventSink events, Finding finding, FindingChange change)
    {
        var now = KernelClock.UnixNow();
        var over = change == FindingChange.Ended;
        var verdict = finding.Verdict;
        var key = new EventKey(
            over ? Ended : Raised, finding.Subject?.Inode ?? 0, HashCode.Combine(finding.Info.Kind, verdict.Detail),
            finding.Subject is NetNamespace { Rootless: true });
        if (!events.Admit(key, now))
            return;
        events.Publish(key, new NetworkEvent
        {
            Info = key.Info,
            Time = now,
            ObservedTime = now,
            Severity = over ? EventSeverity.Info : finding.Severity,
            Subject = finding.Subject,
            Tuple = verdict.Tuple,
            Process = verdict.Process,
            Message = over ? $"over: {finding.Sentence}" : finding.Sentence,
            Fields = over ? [finding.Info.Kind, verdict.Detail] : [
                finding.Info.Kind, verdict.Detail, string.Join("; ", verdict.Evidence),
                string.Join("; ", verdict.RuledOut), Change(verdict.Knob), verdict.Confirm,
            ],
        });
    }

    private static string Change(Knob? knob) => knob is null ? ""
        : $"{knob.Name}{(knob.Now.Length > 0 ? $" from {knob.Now}" : "")} to {knob.Suggested} ({knob.Whose})";
}
