using System.Globalization;
using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>A tab: its columns, and how rows are made of documents.</summary>
/// <param name="tab">Which.</param>
/// <param name="document">The document, beside the overview, that has its rows; "" none.</param>
/// <param name="columns">Of the table.</param>
/// <param name="rows">Of both documents, the worst first.</param>
internal sealed class TopTable(
    TopTab tab, string document, TopColumn[] columns, Func<JsonElement, JsonElement, IEnumerable<TopRow>> rows)
{
    public TopTab Tab => tab;

    public string Document => document;

    public IReadOnlyList<TopColumn> Columns => columns;

    public IEnumerable<TopRow> Rows(JsonElement overview, JsonElement own) => rows(overview, own);

    /// <summary>"findings".</summary>
    public string Name => NameOf(tab);

    public static string NameOf(TopTab tab) => tab.ToString().ToLowerInvariant();

    /// <summary>Rows that have all words, in the order of a column.</summary>
    /// <param name="all">The worst first: so they stay where the column says nothing.</param>
    /// <param name="words">What each must have.</param>
    /// <param name="column">Place of the column; null: as they are.</param>
    /// <param name="reverse">The other way round; what is not known stays at the end.</param>
    public List<TopRow> Choose(IEnumerable<TopRow> all, IReadOnlyList<string> words, int? column, bool reverse)
    {
        var chosen = all.Where(r => r.Has(words));
        if (column is not { } place)
            return [.. reverse ? chosen.Reverse() : chosen];
        if (columns[place].IsText)
        {
            return [.. reverse
                ? chosen.OrderByDescending(r => r.Cells[place].Text, StringComparer.OrdinalIgnoreCase)
                : chosen.OrderBy(r => r.Cells[place].Text, StringComparer.OrdinalIgnoreCase)];
        }
        var known = chosen.OrderBy(r => r.Cells[place].Order is null);
        return [.. reverse
            ? known.ThenBy(r => r.Cells[place].Order) : known.ThenByDescending(r => r.Cells[place].Order)];
    }
}
