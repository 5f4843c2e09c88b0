using Collector.Core.Subjects;
using Collector.Linux.Probes;

namespace Collector.Worker.View;

/// <summary>What each namespace's ledger says was dropped, and what the machine dropped before any.</summary>
internal static class DropParts
{
    /// <summary>Lines that are told.</summary>
    public const int Most = 500;

    /// <summary>A ledger is a walk over all rows: of so many namespaces, those that lost most.</summary>
    private const int MostSubjects = 100;

    public static IReadOnlyList<DropView> Of(ViewWindow window, IReadOnlyDictionary<string, KnownSubject> subjects)
    {
        var drops = new List<DropView>();
        if (window.Before is not { } before)
            return drops;
        foreach (var subject in subjects.Values.Where(s => s.First.Kind is not SubjectKind.Pod)
            .Select(s => (Subject: s, Drops: Moved(window, s))).Where(static s => s.Drops > 0)
            .OrderByDescending(static s => s.Drops).Take(MostSubjects).Select(static s => s.Subject))
        {
            var name = SubjectIds.NameOf(subject.First);
            foreach (var line in NodeFigures.LedgerOf(before, window.After, subject.First)?.Lines ?? [])
            {
                drops.AddRange(line.Dropped.Select(d => new DropView(
                    subject.Id, name, line.Stage, d.Reason, d.Packets, d.Lost, PerSecond(window, d.Packets))));
            }
        }
        var (backlog, _) = NodeFigures.BacklogDrops;
        foreach (var row in window.Rows(backlog.Table, null))
        {
            if (row.Growth(backlog) is > 0 and var packets)
            {
                drops.Add(new(SubjectIds.Host, SubjectIds.Host, "softnet", "dropped", packets, packets,
                    PerSecond(window, packets)));
            }
        }
        return [.. drops.OrderByDescending(static d => d.Packets).ThenBy(static d => d.Name, StringComparer.Ordinal)
            .ThenBy(static d => d.Reason, StringComparer.Ordinal)];
    }

    // Whatever may have dropped something: who has nothing of it needs no ledger.
    private static long Moved(ViewWindow window, KnownSubject subject)
    {
        var sum = 0L;
        foreach (var metric in NodeFigures.AnyDrop)
            sum += window.Growth(metric, subject) ?? 0;
        return sum;
    }

    private static double PerSecond(ViewWindow window, long packets) =>
        Rounded.Of(packets / window.Window.Seconds);
}
