namespace Backends.Tests.Dashboards;

internal enum PanelKind
{
    TimeSeries,
    Stat,
    Table,
    Heatmap,
}

/// <summary>A query of a panel.</summary>
/// <param name="Text">PromQL with Grafana's variables.</param>
/// <param name="Legend">What its series are called; empty: by their labels.</param>
internal sealed record Query(string Text, string Legend = "");

/// <summary>A panel.</summary>
/// <param name="Title">A few words.</param>
/// <param name="Unit">Grafana's id of its unit.</param>
/// <param name="Description">What it shows, by the kernel's names.</param>
/// <param name="Queries">At least one.</param>
internal sealed record Panel(string Title, string Unit, string Description, params Query[] Queries)
{
    public PanelKind Kind { get; init; }

    /// <summary>Of 24 columns.</summary>
    public int Width { get; init; } = 8;

    /// <summary>From where it is red; null: nowhere.</summary>
    public double? Red { get; init; }
}

/// <summary>Panels under a title.</summary>
internal sealed record Section(string Title, params Panel[] Panels);

/// <summary>A variable that a user chooses by.</summary>
/// <param name="Name">Without the dollar.</param>
/// <param name="Label">What the user sees.</param>
/// <param name="Metric">Selector of the series that have it.</param>
/// <param name="ValuesOf">The label whose values can be chosen.</param>
internal sealed record Variable(string Name, string Label, string Metric, string ValuesOf);

/// <summary>A dashboard.</summary>
/// <param name="Id">Name of its file, and its uid.</param>
/// <param name="Title">What it is called in Grafana.</param>
/// <param name="Description">One or two sentences.</param>
/// <param name="Variables">In the order in which they are chosen.</param>
/// <param name="Sections">Its panels.</param>
internal sealed record Dashboard(
    string Id, string Title, string Description, IReadOnlyList<Variable> Variables, IReadOnlyList<Section> Sections)
{
    /// <summary>It has the variable nodelabel, the label that tells nodes apart.</summary>
    public bool ByNodeLabel { get; init; } = true;

    public IEnumerable<Panel> Panels => Sections.SelectMany(s => s.Panels);
}
