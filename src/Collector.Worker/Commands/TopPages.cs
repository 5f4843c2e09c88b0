using System.Text.Json;
using static Collector.Worker.Commands.TopDocument;

namespace Collector.Worker.Commands;

/// <summary>The lines of pages: of a finding, a pod, any row; and the help.</summary>
internal static class TopPages
{
    private const string BoldOn = "\e[1m";
    private const string BoldOff = "\e[0m";

    /// <summary>All lines of the page in front.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="width">Columns that there are.</param>
    /// <returns>Each line, clean, and whether it is a heading.</returns>
    public static List<(string Text, bool Heading)> Lines(TopState state, int width)
    {
        var text = new StringWriter();
        var screen = new Screen(text, Math.Max(width, 20), bold: true);
        if (state.IsHelp)
            Help(state, screen);
        else if (state.Page is { Tab: null } pod)
            Subject(pod.Subject, state, screen);
        else if (state.Page is { } page && state.RowOf(page) is { } row)
            Row(page, row, state, screen);
        // What is bold is the screen's own: it lets no control character through.
        return [.. text.ToString().TrimEnd('\n').Split('\n').Select(static line =>
            line.StartsWith(BoldOn, StringComparison.Ordinal)
                ? (TopText.Clean(line[BoldOn.Length..^BoldOff.Length]), true) : (TopText.Clean(line), false))];
    }

    private static void Row(TopPage page, TopRow row, TopState state, Screen screen)
    {
        if (page.Tab == TopTab.Findings)
        {
            WhyReport.PrintOne(row.Source, Time(state.Overview, "time") ?? default, all: true, screen);
        }
        else
        {
            var columns = TopTables.All[(int)page.Tab!].Columns;
            var table = new TextTable("COLUMN", "VALUE", "WHAT IT IS");
            for (var i = 0; i < columns.Count; i++)
                table.Row(columns[i].Heading, row.Cells[i].Text, columns[i].About);
            screen.Print(table);
        }
        if (row.Subject.Length > 0)
        {
            screen.Line();
            screen.Text($"Enter: {TopTables.NameOf(row.Subject, state.Overview)}");
        }
    }

    private static void Subject(string id, TopState state, Screen screen)
    {
        var detail = state.Document(TopState.SubjectDocument(id));
        var subject = Of(detail, "subject") is { ValueKind: JsonValueKind.Object } its ? its
            : Items(state.Overview, "pods").FirstOrDefault(p => Text(p, "id") == id);
        if (subject.ValueKind != JsonValueKind.Object)
        {
            screen.Text("It is not there any more.");
            return;
        }
        var inode = Text(subject, "netns_inode");
        screen.Title($"{Text(subject, "name")} ({Text(subject, "kind")}"
            + (inode is "" or "0" ? ")" : $", network namespace {inode})"));
        var containers = string.Join(", ", Items(subject, "containers").Select(static c => c.ToString()));
        if (containers.Length > 0)
            screen.Text($"containers {containers}", "  ");
        screen.Text(Figures(subject), "  ");
        foreach (var finding in Items(detail, "findings"))
            Finding(finding, screen);
        Print(screen, "LISTENERS", ["ADDRESS", "PROCESS", "QUEUE", "LIMIT", "LIMIT OF", "DROPS"],
            Items(detail, "listeners").Select(static l => (string[])
            [
                $"{Text(l, "address")}:{Text(l, "port")}", Process(l), Text(l, "queue"), Text(l, "limit"),
                Text(l, "limit_origin"), Text(l, "drops"),
            ]));
        Print(screen, "PEERS", ["ADDRESS", "PORT", "CONNECTIONS", "RTT MS", "SENT AGAIN", "FAILED"],
            Items(detail, "peers").Select(static p => (string[])
            [
                Text(p, "address"), Text(p, "port"), Text(p, "connections"), TopNumber.Of(Number(p, "rtt_ms")),
                Text(p, "retransmits"), Failed(p),
            ]));
        Print(screen, "LATENCY", ["STATION", "P50 MS", "P99 MS", "COUNT"],
            Items(detail, "latency").Select(static l => (string[])
            [
                Text(l, "station"), TopNumber.Of(Number(l, "p50_ms")), TopNumber.Of(Number(l, "p99_ms")),
                Text(l, "count"),
            ]));
        Print(screen, "CHANGED", ["METRIC", "OF", "BEFORE/S", "NOW/S", "UNIT", "KERNEL"],
            Items(detail, "changes").Select(static c => (string[])
            [
                Text(c, "metric"), Tags(c), Changed(c, "before_per_second"), Changed(c, "now_per_second"),
                Text(c, "unit"), Text(c, "kernel"),
            ]));
        Print(screen, "EVENTS", ["TIME", "SEVERITY", "WHAT"],
            Items(detail, "events").Select(static e => (string[])
                [Clock(Time(e, "time")), Text(e, "severity"), Text(e, "message")]));
    }

    private static string Changed(JsonElement change, string name)
    {
        var number = Number(change, name);
        return Text(change, "unit") is ("By" or "By/s") ? TopNumber.Bytes(number) : TopNumber.Of(number);
    }

    private static string Figures(JsonElement subject)
    {
        var table = TopTables.All[(int)TopTab.Pods];
        var wrapped = JsonDocument.Parse($"{{\"pods\":[{subject.GetRawText()}]}}");
        var row = table.Rows(wrapped.RootElement, default).First();
        return string.Join(", ", table.Columns.Select((c, i) => (c.Heading, row.Cells[i].Text))
            .Where(static c => c.Heading != "POD" && c.Text is not ("-" or ""))
            .Select(static c => $"{c.Heading} {c.Text}"));
    }

    private static void Finding(JsonElement finding, Screen screen)
    {
        screen.Line();
        var over = Is(finding, "active") ? "" : "over: ";
        screen.Text($"{Text(finding, "severity"),-5} {over}{Text(finding, "sentence")}", "      ");
    }

    private static void Print(Screen screen, string title, string[] headings, IEnumerable<string[]> rows)
    {
        var table = new TextTable(headings) { Indent = 2 };
        foreach (var row in rows)
            table.Row(row);
        if (table.Rows.Count == 0)
            return;
        screen.Line();
        screen.Title(title);
        screen.Print(table);
    }

    private static string Process(JsonElement listener) => Text(listener, "pid") is { Length: > 0 } pid
        ? $"{Text(listener, "process")}[{pid}]" : Text(listener, "process");

    private static string Failed(JsonElement peer) => Of(peer, "failed") is { ValueKind: JsonValueKind.Object } failed
        ? string.Join(", ", failed.EnumerateObject().Select(static f => $"{f.Value} {f.Name}")) : "";

    private static string Tags(JsonElement change) => Of(change, "tags") is { ValueKind: JsonValueKind.Object } tags
        ? string.Join(", ", tags.EnumerateObject().Select(static t => t.Value.ToString())) : "";

    private static void Help(TopState state, Screen screen)
    {
        screen.Title("KEYS");
        foreach (var (key, what) in ((string, string)[])
        [
            ("1 to 5, Tab", "findings, pods, listeners, drops, devices"),
            ("up, down, j, k", "a row, or a line of a page; also Page up, Page down, Home, End"),
            ("Enter", "all that is known of it; once more: the pod it is about"),
            ("p", "the pod it is about"),
            ("Esc", "back; without the filter"),
            ("/", "only rows that have these words; Enter keeps them, Esc does not"),
            ("s, S", "sort by the next column, by the one before"), ("r", "the other way round"),
            ("left, right", "with --replay: a collection back, on; [ and ] ten"),
            ("?", "this"), ("q, Ctrl-C", "the end"),
        ])
            screen.Text($"  {key,-16}{what}", "                  ");
        screen.Line();
        screen.Title($"COLUMNS OF {state.Table.Name.ToUpperInvariant()}");
        foreach (var column in state.Table.Columns)
            screen.Text($"  {column.Heading,-16}{column.About}", "                  ");
        var blind = Items(state.Overview, "blind").ToArray();
        if (blind.Length == 0)
            return;
        screen.Line();
        screen.Title("WHAT CANNOT BE SEEN HERE");
        foreach (var part in blind)
            screen.Text($"  {Text(part, "what")}: {Text(part, "why")}", "    ");
    }
}
