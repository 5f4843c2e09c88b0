using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Mib;

/// <summary>
/// Which counter of a layout goes to which column. Made once per layout; with <c>include: all</c> the table grows by
/// what a new layout has and this version has no words for.
/// </summary>
internal sealed class MibPlan
{
    // More layouts than a machine can have: a garbage file that changes its header each time.
    private const int MostLayouts = 64;
    private readonly MibSpec _spec;
    private readonly bool _all;
    private readonly List<MibCounter> _counters;
    private readonly Dictionary<(string Section, string Counter), int> _columns = [];
    private readonly List<(MibLayout Layout, (int Index, int Column)[] Pairs)> _maps = [];

    public MibPlan(MibSpec spec, bool all)
    {
        _spec = spec;
        _all = all;
        _counters = [.. spec.Counters];
        Table = all ? spec.Table.Whole : spec.Table;
        SetColumns();
    }

    /// <summary>The rows' table: the catalogue's, or a wider one of this instance.</summary>
    public TableInfo Table { get; private set; }

    /// <summary>Columns by the kernel's names.</summary>
    public IReadOnlyDictionary<(string Section, string Counter), int> Columns => _columns;

    /// <summary>Copies a section's values into a row.</summary>
    public void Copy(MibSection section, in RowWriter row)
    {
        var values = section.Values;
        foreach (var (index, column) in MapOf(section.Layout))
        {
            // A cell that is absent stays as the builder made it.
            if (values[index] != Metric.Absent && (values[index] != 0 || !_spec.LeavesZerosOut))
                row.Set(column, values[index]);
        }
    }

    /// <summary>
    /// Makes the map of a layout that was not seen before. To be called for all sections before a row is begun.
    /// </summary>
    public void Learn(MibLayout layout)
    {
        if (IsKnown(layout))
            return;
        if (_maps.Count == MostLayouts)
            _maps.Clear();
        if (_all)
            Extend(layout);
        var pairs = new List<(int, int)>();
        for (var i = 0; i < layout.Counters.Count; i++)
        {
            if (_columns.TryGetValue((layout.Section, layout.Counters[i]), out var column))
                pairs.Add((i, column));
        }
        _maps.Add((layout, [.. pairs]));
    }

    private bool IsKnown(MibLayout layout)
    {
        foreach (ref readonly var map in CollectionsMarshal.AsSpan(_maps))
        {
            if (ReferenceEquals(map.Layout, layout))
                return true;
        }
        return false;
    }

    private ReadOnlySpan<(int Index, int Column)> MapOf(MibLayout layout)
    {
        foreach (ref readonly var map in CollectionsMarshal.AsSpan(_maps))
        {
            if (ReferenceEquals(map.Layout, layout))
                return map.Pairs;
        }
        return [];
    }

    private void Extend(MibLayout layout)
    {
        var rule = _spec.RuleOf(layout.Section);
        var unknown = layout.Counters
            .Where(c => !rule.KnownOnly && !rule.Except.Contains(c) && !_columns.ContainsKey((layout.Section, c)))
            .Select(c => MibCounter.Unknown(layout.Section, c))
            .ToList();
        if (unknown.Count == 0)
            return;
        foreach (var counter in unknown)
            _counters.Add(Fit(counter));
        // A metric belongs to one table for good, so the wider table gets descriptors of its own. Columns of known
        // counters keep their numbers, so maps made before stay true.
        Table = new TableInfo(_spec.Table.Id, RowScope.Namespace, [],
            [.. _counters.Select(c => (c with { Optional = false }).ToMetric(_spec.RuleOf(c.Section)))]);
        SetColumns();
    }

    /// <summary>
    /// Metrics of one name must agree, so a counter whose derived name is taken by the other address family takes its
    /// description over, and one whose name is taken altogether keeps the kernel's name.
    /// </summary>
    private MibCounter Fit(MibCounter counter)
    {
        var mine = MetricOf(counter);
        var namesakes = _counters.Where(c => MetricOf(c).Name == mine.Name).ToList();
        if (namesakes.Count == 0)
            return counter;
        return namesakes.Exists(c => MetricOf(c).Tags.SequenceEqual(mine.Tags))
            ? counter with { Name = counter.Counter.ToLowerInvariant() }
            : counter with
            {
                Unit = namesakes[0].Unit,
                Kind = namesakes[0].Kind,
                Description = namesakes[0].Description,
                Scale = namesakes[0].Scale,
            };
    }

    private Metric MetricOf(MibCounter counter) => counter.ToMetric(_spec.RuleOf(counter.Section));

    private void SetColumns()
    {
        for (var i = 0; i < _counters.Count; i++)
            _columns[(_counters[i].Section, _counters[i].Counter)] = Table.Metrics[i].Column;
    }
}
