using Collector.Core.Metrics;
using Collector.Core.Probes;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// A probe on the kernel's MIB files, as data: its sections, its counters and the info derived of them.
/// </summary>
internal sealed class MibSpec
{
    public static readonly ProbeOption<bool> IncludeAll =
        Option.Include("Counters to export: the ones that matter, or all that the running kernel prints.");

    public MibSpec(
        string id, string description, string source, IReadOnlyList<MibSectionRule> sections,
        IReadOnlyList<MibCounter> counters, params TableInfo[] further)
    {
        Sections = sections;
        Counters = counters;
        Table = new TableInfo(id, RowScope.Namespace, [], [.. counters.Select(c => c.ToMetric(RuleOf(c.Section)))]);
        Info = new ProbeInfo
        {
            Id = id,
            Description = description,
            Source = $"one eBPF pass over all namespaces, else {source}",
            Tables = [Table, .. further],
            Options = [IncludeAll],
        };
    }

    public ProbeInfo Info { get; }

    /// <summary>The table of the catalogue: what is known at compile time.</summary>
    public TableInfo Table { get; }

    /// <summary>True for messages by type, which have a table of their own.</summary>
    public bool HasTypes => Info.Tables.Count > 1;

    /// <summary>Counters that are 0 are absent: of what is seldom there is no series while there is none.</summary>
    public bool LeavesZerosOut { get; init; }

    public IReadOnlyList<MibSectionRule> Sections { get; }

    public IReadOnlyList<MibCounter> Counters { get; }

    /// <summary>The metric of a counter, by the kernel's names.</summary>
    public Metric Of(string section, string counter)
    {
        for (var i = 0; i < Counters.Count; i++)
        {
            if (Counters[i].Section == section && Counters[i].Counter == counter)
                return Table.Metrics[i];
        }
        throw new ArgumentException($"{Info} has no counter {section} {counter}", nameof(counter));
    }

    public MibSectionRule RuleOf(string section) => Sections.First(s => s.Section == section);
}
