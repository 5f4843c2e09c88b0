using System.Globalization;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Sources;
using Collector.Worker.Agent;

namespace Collector.Worker.Commands;

/// <summary>What <c>netlens doctor</c> prints for people.</summary>
/// <param name="screen">Where to; problems go to standard error.</param>
/// <param name="machine">What the machine and our rights on it are.</param>
/// <param name="findings">One per probe.</param>
internal sealed class DoctorTable(Screen screen, MachineReport machine, IReadOnlyList<DoctorFinding> findings)
{
    // The worst first; what is well is one line.
    private static readonly string[] Verdicts = ["failed", "unavailable", "partial", "empty", "ok"];

    /// <param name="whole">Everything; else what fits on a screen.</param>
    public void Print(bool whole)
    {
        if (whole)
        {
            PrintMachine();
            PrintParts();
            PrintProbes();
            PrintLadders();
        }
        PrintProblems(whole ? machine.Problems : machine.Brief);
        if (!whole)
            PrintVerdicts();
    }

    private void PrintMachine()
    {
        var facts = Output.Table("MACHINE", "");
        foreach (var (name, value) in machine.Facts)
            facts.Row(name, value);
        screen.Print(facts);
        screen.Line();
    }

    /// <summary>Each part once, as the first probe found it that asked.</summary>
    public static IEnumerable<CollectedPart> Parts(IEnumerable<DoctorFinding> findings) =>
        findings.SelectMany(f => f.Parts).DistinctBy(p => p.Name);

    private void PrintParts()
    {
        var table = Output.Table("PART", "SOURCE", "WHY");
        foreach (var part in Parts(findings))
            table.Row(part.Name, part.Source, part.Reason);
        if (table.Rows.Count == 0)
            return;
        screen.Print(table);
        screen.Line();
    }

    private void PrintProbes()
    {
        var table = Output.Table("PROBE", "ON", "VERDICT", "SERIES", "MS", "WHY");
        foreach (var f in findings)
        {
            table.Row(f.Probe, f.Enabled ? "yes" : "no", f.Verdict,
                f.Series.ToString(CultureInfo.InvariantCulture),
                f.Milliseconds.ToString("F2", CultureInfo.InvariantCulture), f.Detail);
        }
        screen.Print(table);
    }

    private void PrintLadders()
    {
        var table = Output.Table("PROBE", "SEES", "VERDICT", "BY", "WHY");
        foreach (var ladder in findings.Where(f => f.Ladder is not null).Select(f => f.Ladder!))
        {
            foreach (var hook in ladder.Hooks)
            {
                // Programs for several layouts of one tracepoint are one way to whoever reads it.
                foreach (var way in hook.Ways.DistinctBy(w => (w.Sections, w.Reason)))
                    table.Row(ladder.Probe, hook.Hook, HookJson.Verdict(way.Verdict), way.Sections, way.Reason);
            }
        }
        if (table.Rows.Count == 0)
            return;
        screen.Line();
        screen.Print(table);
    }

    private void PrintProblems(IReadOnlyList<string> problems)
    {
        foreach (var finding in findings)
        {
            foreach (var note in finding.Notes)
                Output.Error($"{finding.Probe}: {note}");
        }
        foreach (var part in Parts(findings).Where(p => p.IsRefused))
            Output.Error($"collection.source is kernel, but {part.Name} is read by proc: {part.Reason}");
        foreach (var problem in problems)
            Output.Error(problem);
    }

    // Last, where they stay on the screen.
    private void PrintVerdicts()
    {
        var table = Output.Table("VERDICT", "PROBES", "WHY");
        foreach (var same in findings.GroupBy(f => (f.Verdict, Detail: Brief(f.Detail)))
            .OrderBy(g => Array.IndexOf(Verdicts, g.Key.Verdict)))
        {
            table.Row(same.Key.Verdict, string.Join(' ', same.Select(f => f.Enabled ? f.Probe : $"{f.Probe}(off)")),
                same.Key.Detail);
        }
        screen.Print(table);
        screen.Line();
        var counts = Verdicts.Select(v => (Verdict: v, Count: findings.Count(f => f.Verdict == v)))
            .Where(c => c.Count > 0).Select(c => $"{c.Count} {c.Verdict}");
        screen.Text($"{findings.Count} probes: {string.Join(", ", counts)}. --verbose has the machine, series, times "
            + "and every way to attach.");
    }

    // How many there were stands in the whole table: here probes with the same trouble are one line.
    private static string Brief(string detail)
    {
        var failed = detail.IndexOf(" failed: ", StringComparison.Ordinal);
        return failed > 0 && char.IsAsciiDigit(detail[0]) ? $"reads{detail[failed..]}" : detail;
    }
}
