using System.Globalization;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Commands;

/// <summary>How much of a collection a table shows.</summary>
internal enum OnceDetail
{
    /// <summary>What tells of a fault; the rest as a number.</summary>
    Faults,

    /// <summary>What is not 0.</summary>
    NotZero,

    /// <summary>Everything.</summary>
    All,
}

/// <summary>What <c>netlens once</c> prints for people: a heading and a table per subject.</summary>
/// <param name="screen">Where to.</param>
internal sealed class OnceTable(Screen screen)
{
    private const int MostNames = 20;

    private const string Whole = "--all shows every number that is not 0, --netns NAME or --pod NAME those of one.";

    /// <param name="series">The numbers.</param>
    /// <param name="detail">Which of them.</param>
    public void Print(IEnumerable<SeriesPoint> series, OnceDetail detail)
    {
        var zeros = 0;
        var quiet = new List<string>();
        foreach (var group in series.GroupBy(s => s.Row.Subject).OrderBy(g => PlaceOf(g.Key)))
        {
            var all = group.ToArray();
            var notZero = all.Where(s => !IsZero(s)).ToArray();
            zeros += all.Length - notZero.Length;
            if (detail != OnceDetail.Faults)
                Print(SubjectHeading.Of(group.Key), detail == OnceDetail.All ? all : notZero);
            else if (notZero.Where(FaultMetrics.Has).ToArray() is { Length: > 0 } faults)
                Print(SubjectHeading.Of(group.Key), faults, notZero.Length - faults.Length);
            else
                quiet.Add(group.Key is { } subject ? subject.Called : "the machine as a whole");
        }
        if (detail == OnceDetail.Faults)
            PrintQuiet(quiet);
        else if (zeros > 0 && detail != OnceDetail.All)
            screen.Line($"{zeros} series are 0 and not shown; --zeros shows them.");
    }

    private void Print(string heading, SeriesPoint[] series, int more = 0)
    {
        screen.Title(heading);
        var table = new TextTable("METRIC", "VALUE", "UNIT", "ATTRIBUTES") { Indent = 2 };
        foreach (var one in series)
            table.Row(one.Name, ValueOf(one), one.Metric.Unit.Trim('{', '}'), AttributesOf(one));
        if (table.Rows.Count > 0)
            screen.Print(table);
        else
            screen.Line("  everything is 0");
        if (more > 0)
            screen.Line(more == 1 ? "  1 other tells of no fault" : $"  {more} others tell of no fault");
        screen.Line();
    }

    private void PrintQuiet(List<string> quiet)
    {
        if (quiet.Count > 0)
        {
            var others = quiet.Count > MostNames ? $" and {quiet.Count - MostNames} others" : "";
            screen.Text($"No fault was counted in {string.Join(", ", quiet.Take(MostNames))}{others}.");
        }
        screen.Text(Whole);
    }

    private static bool IsZero(SeriesPoint series) => series.Raw == 0 && series.Cells.All(c => c == 0);

    /// <summary>
    /// What nobody could name at first comes first, then pods and containers, both with the newest in front; then the
    /// machine, its own namespace and the others as they were found.
    /// </summary>
    internal static (int Rank, long Order) PlaceOf(Subject? subject) => subject switch
    {
        null => (2, 0),
        { Kind: SubjectKind.Stranger } => (0, -subject.Generation),
        { Kind: SubjectKind.Node or SubjectKind.Namespace } => (3, subject.Generation),
        _ => (1, -subject.Generation),
    };

    private static string ValueOf(SeriesPoint series) => series.Cells.Length == 0
        ? Convert.ToString(series.Value, CultureInfo.InvariantCulture)!
        : Output.Counted(series.Cells[..^1].Sum(), "value");

    // What the heading says is not repeated.
    private static string AttributesOf(SeriesPoint series)
    {
        var own = series.Attributes.Skip(series.OfSubject).Where(a => a.Value.ToString() is { Length: > 0 }).ToArray();
        var names = ShortKey.Of([.. own.Select(a => a.Key)]);
        var attributes = names.Zip(own, (name, attribute) => $"{name}={attribute.Value}");
        return string.Join(' ', series.Cells.Length == 0 ? attributes : attributes.Append(Distribution.Of(series)));
    }
}
