using System.Text;
using System.Text.Json;
using Collector.Worker.View;
using static Collector.Worker.Commands.TopDocument;

namespace Collector.Worker.Commands;

/// <summary>A frame of <c>netlens top</c>: lines of a terminal of some size.</summary>
/// <param name="width">Columns.</param>
/// <param name="height">Lines.</param>
/// <param name="colours">Whether severities have colours; bold and reverse are none.</param>
internal sealed class TopFrame(int width, int height, bool colours)
{
    /// <summary>Lines above the rows and below them.</summary>
    private const int Above = 4;

    private const int Below = 1;
    private const int Gap = 1;

    private const string Bold = "1";
    private const string Reverse = "7";
    private const string Dim = "2";

    /// <summary>Rows, or lines of a page, that it has room for.</summary>
    public int Room => Math.Max(0, height - Above - Below);

    /// <summary>As many lines as it has, with codes for looks and nothing else that drives a terminal.</summary>
    public string[] Lines(TopState state)
    {
        var lines = new List<string> { Styled(Head(state), Bold), Fit(Summary(state)), Tabs(state) };
        if (state.IsHelp || state.Page is not null)
            AddPage(lines, state);
        else
            AddTable(lines, state);
        while (lines.Count < height - Below)
            lines.Add("");
        if (lines.Count > height - Below)
            lines.RemoveRange(Math.Max(0, height - Below), lines.Count - Math.Max(0, height - Below));
        lines.Add(Foot(state));
        return [.. lines];
    }

    private string Fit(string text) => TopText.Fit(TopText.Clean(text), width).TrimEnd(' ');

    private string Styled(string text, string code) => Code(Fit(text), code);

    private static string Code(string text, string code) => text.Length == 0 ? "" : $"\e[{code}m{text}\e[0m";

    private string Severe(string text, string severity) => (colours, severity) switch
    {
        (true, "error") => Code(text, "31"),
        (true, "warn") => Code(text, "33"),
        _ => text,
    };

    /// <summary>Words at both sides; those at the left end where there is no room for both.</summary>
    private string Sides(string left, string right)
    {
        (left, right) = (TopText.Clean(left), TopText.Clean(right));
        var room = width - TopText.Width(right) - Gap;
        return room < width / 3 ? TopText.Fit(left, width) : TopText.Fit(left, room) + " " + right;
    }

    private string Head(TopState state)
    {
        var overview = state.Overview;
        var (node, agent) = (Of(overview, "node"), Of(overview, "agent"));
        var left = new List<string> { $"netlens {Text(node, "name")}" };
        if (Text(node, "kernel") is { Length: > 0 } kernel)
            left.Add(kernel);
        if (Number(node, "uptime_seconds") is { } uptime)
            left.Add($"up {TopNumber.Time(uptime)}");
        var time = Time(overview, "time");
        if (state.Moment is { } moment)
        {
            return Sides(
                string.Join("  ", left), $"replay {time:yyyy-MM-dd} {Clock(time)} {moment.Place + 1}/{moment.Count}");
        }
        var right = new List<string>();
        if (Number(agent, "cpu_percent") is { } cpu)
            right.Add($"agent {TopNumber.Percent(cpu)}%");
        if (Number(agent, "memory_bytes") is { } memory)
            right.Add($"{TopNumber.Bytes(memory)}B");
        if (Number(Of(overview, "collection"), "age_seconds") is { } age)
            right.Add($"{Clock(time)} {TopNumber.Time(age + state.Waited)} ago");
        return Sides(string.Join("  ", left), string.Join("  ", right));
    }

    private static string Summary(TopState state) => state.Tab switch
    {
        TopTab.Findings => Checked(state.Overview),
        TopTab.Devices => Gauges(state.Document("node"), state.Overview),
        _ => Ledger(Of(state.Overview, "ledger")),
    };

    // What the operator has switched off is no surprise.
    private static IEnumerable<JsonElement> Unseen(JsonElement overview) =>
        Items(overview, "blind").Where(static b => !IsOff(b));

    private static bool IsOff(JsonElement blind) => Text(blind, "kind") == BlindView.Configuration;

    private static string Checked(JsonElement overview)
    {
        var (kinds, observable) = (Text(Of(overview, "checked"), "kinds"), Text(Of(overview, "checked"), "observable"));
        if (kinds.Length == 0)
            return "";
        var blind = Unseen(overview).Count();
        return $"{(observable.Length > 0 ? $"{observable} of {kinds}" : kinds)} kinds of causes are looked for"
            + (blind > 0 ? $"; {Output.Counted(blind, "thing")} cannot be seen here (?)" : "");
    }

    private static string Ledger(JsonElement ledger)
    {
        if (Number(ledger, "seconds") is not (> 0 and var seconds))
            return "";
        var words = new List<string> { $"delivered {Rate("delivered")}" };
        if (Number(ledger, "forwarded") > 0)
            words.Add($"forwarded {Rate("forwarded")}");
        words.Add($"lost {Rate("lost")}");
        words.Add($"unexplained {Rate("unexplained")}");
        var lost = Items(ledger, "sent_lost").Sum(static d => Number(d, "packets") ?? 0);
        return $"in {Rate("received")}/s: {string.Join(", ", words)}; out {Rate("sent")}/s: "
            + $"lost {TopNumber.Of(lost / seconds)}; refused {Rate("refused")}";

        string Rate(string name) => TopNumber.Of(Number(ledger, name) / seconds);
    }

    private static string Gauges(JsonElement node, JsonElement overview)
    {
        var fullest = Items(node, "gauges").Where(static g => Number(g, "limit") > 0 && Number(g, "used") is not null)
            .Select(static g => (Gauge: g, Percent: Number(g, "used")!.Value * 100 / Number(g, "limit")!.Value))
            .OrderByDescending(static g => g.Percent).Take(3)
            .Select(g => $"{Text(g.Gauge, "name")} of {TopTables.NameOf(Text(g.Gauge, "subject"), overview)} "
                + $"{TopNumber.Percent(g.Percent)}%"
                + (Number(g.Gauge, "seconds_to_full") is { } time ? $" (full in {TopNumber.Time(time)})" : ""));
        return string.Join(", ", fullest) is { Length: > 0 } text ? $"fullest: {text}" : "";
    }

    private string Tabs(TopState state)
    {
        var line = new StringBuilder();
        var left = width;
        foreach (var table in TopTables.All)
        {
            var name = $"{(int)table.Tab + 1} {table.Name}";
            name = table.Tab == state.Tab ? $"[{name}]" : $" {name} ";
            if (name.Length > left)
                break;
            left -= name.Length;
            line.Append(table.Tab == state.Tab ? Code(name, Reverse) : name);
        }
        var right = state.Page is null && !state.IsHelp ? Count(state) : "";
        if (right.Length > 0 && right.Length + Gap <= left)
            line.Append(' ', left - right.Length).Append(right);
        return line.ToString();
    }

    private static string Count(TopState state)
    {
        var left = state.Tab is TopTab.Pods ? Number(state.Overview, "pods_left_out")
            : Number(state.Document(state.Table.Document), "left_out");
        var rows = Output.Counted(state.Rows.Count, "row");
        var order = state.SortColumn is { } column ? $", by {state.Table.Columns[column].Heading}" : "";
        return rows + (left > 0 ? $" and {TopNumber.Of(left)} more" : "") + order
            + (state.IsReverse ? ", reversed" : "");
    }

    private void AddTable(List<string> lines, TopState state)
    {
        var rows = state.Rows;
        var columns = Columns(state.Table, rows);
        lines.Add(Styled("  " + string.Join("", columns.Select((c, i) => Cell(c.Column.Heading, c, i))), Bold));
        var (first, chosen) = (state.FirstRow(Math.Max(1, Room)), state.Chosen);
        for (var r = first; r < rows.Count && r < first + Room; r++)
        {
            var row = rows[r];
            var text = TopText.Fit((r == chosen ? "> " : "  ")
                + string.Join("", columns.Select((c, i) => Cell(row.Cells[c.Place].Text, c, i))), width);
            lines.Add(r == chosen ? Code(text, Reverse) : Severe(text.TrimEnd(' '), row.Severity));
        }
        if (rows.Count == 0)
            lines.AddRange(Empty(state).Select(Fit));
    }

    private static IEnumerable<string> Empty(TopState state)
    {
        yield return "";
        if (state.Overview.ValueKind == JsonValueKind.Undefined)
        {
            yield return "  ...";
            yield break;
        }
        if (state.Table.Document.Length > 0
            && state.Document(state.Table.Document).ValueKind == JsonValueKind.Undefined)
        {
            yield return state.Problem.Length > 0 ? $"  Not known: {state.Problem}" : "  ...";
            yield break;
        }
        if (state.Filter.Length > 0)
        {
            yield return $"  Nothing has \"{state.Filter}\" here; Esc takes the filter away.";
            yield break;
        }
        if (state.Tab != TopTab.Findings)
        {
            yield return "  None are known.";
            yield break;
        }
        yield return "  Nothing is wrong now, nor was in the last hour.";
        yield return "";
        foreach (var blind in Unseen(state.Overview))
            yield return $"  not seen: {Text(blind, "what")}: {Text(blind, "why")}";
        var off = Items(state.Overview, "blind").Where(IsOff).Select(static b => Text(b, "what")).ToArray();
        if (off.Length > 0)
            yield return $"  off by configuration: {string.Join(", ", off)}";
    }

    private static string Cell(string text, (TopColumn Column, int Place, int Width) column, int index) =>
        (index == 0 ? "" : " ") + TopText.Fit(text, column.Width, right: !column.Column.IsText);

    /// <summary>What there is room for, in its order, and how wide.</summary>
    private List<(TopColumn Column, int Place, int Width)> Columns(TopTable table, IReadOnlyList<TopRow> rows)
    {
        var all = table.Columns.Select((column, place) => (Column: column, Place: place, Width: Math.Min(column.Most,
            rows.Select(r => TopText.Width(r.Cells[place].Text)).Append(column.Heading.Length).Max()))).ToArray();
        var left = width - 2;
        var kept = new List<(TopColumn Column, int Place, int Width)>();
        // The one that takes what is left needs little until then.
        foreach (var column in all.OrderBy(static c => c.Column.Rank))
        {
            var needed = (column.Column.Takes ? Math.Min(column.Width, column.Column.Least) : column.Width) + Gap;
            if (needed > left && column.Column.Rank > 0)
                break;
            left -= needed;
            kept.Add(column with { Width = needed - Gap });
        }
        var taker = kept.FindIndex(static c => c.Column.Takes);
        if (taker >= 0)
        {
            var wanted = all[kept[taker].Place].Width;
            kept[taker] = kept[taker] with
            {
                Width = Math.Max(1, Math.Min(wanted, kept[taker].Width + Math.Max(0, left + Gap))),
            };
        }
        return [.. kept.OrderBy(static c => c.Place)];
    }

    private void AddPage(List<string> lines, TopState state)
    {
        var page = TopPages.Lines(state, width);
        var from = Math.Clamp(state.From, 0, Math.Max(0, page.Count - Room - 1));
        state.From = from;
        foreach (var (text, heading) in page.Skip(from).Take(Room + 1))
            lines.Add(heading ? Styled(text, Bold) : Fit(text));
    }

    private string Foot(TopState state)
    {
        if (state.IsFiltering)
            return Fit($"/{state.Filter}_   Enter keeps the filter, Esc takes it away");
        if (state.Problem.Length > 0)
            return Severe(Fit(state.Problem), "error");
        var keys = state.IsHelp ? "Esc back  up, down"
            : state.Page is { } page ? $"Esc back  {(page.LeadsOn ? "Enter its pod  " : "")}up, down  ? help  q quit"
            : "/ filter  s sort  r reverse  Enter detail  ? help  q quit";
        if (state.Moment is not null && !state.IsHelp)
            keys = $"left, right time  {keys}";
        var filter = state.Filter.Length > 0 && state.Page is null && !state.IsHelp ? $"[/{state.Filter}]  " : "";
        return Styled(filter + keys, Dim);
    }
}
