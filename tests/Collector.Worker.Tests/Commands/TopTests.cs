using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Core;
using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Commands;

/// <summary>Frames of <c>netlens top</c>, and what keys make of them.</summary>
public sealed partial class TopTests
{
    private static readonly (string Name, int Columns, int Rows)[] Sizes = [("80x24", 80, 24), ("200x50", 200, 50)];

    private static readonly string[] Views =
    [
        "findings", "pods", "listeners", "drops", "devices", "finding", "pod", "device", "help", "nothing", "filtered",
        "replay",
    ];

    public static IEnumerable<object[]> Frames =>
        Sizes.SelectMany(static size => Views.Select(view => new object[] { view, size.Name }));

    [Theory]
    [MemberData(nameof(Frames))]
    public void A_frame_is_what_was_found_good(string view, string size)
    {
        var (_, columns, rows) = Sizes.Single(s => s.Name == size);
        var lines = Plain(new TopFrame(columns, rows, colours: true).Lines(View(view)));
        lines.Length.ShouldBe(rows);
        GoldenFile.Check($"top-{view}", size, string.Join('\n', lines.Select(l => l.TrimEnd(' '))) + "\n");
    }

    private static TopState View(string view)
    {
        if (Enum.TryParse<TopTab>(view, ignoreCase: true, out var tab))
            return TopSample.State(tab);
        switch (view)
        {
            case "finding":
                return Press(TopSample.State(), "\r");
            case "pod":
                return Press(TopSample.State(TopTab.Pods), "\r");
            case "device":
                return Press(TopSample.State(TopTab.Devices), "\r");
            case "help":
                return Press(TopSample.State(TopTab.Pods), "?");
            case "filtered":
                return Press(TopSample.State(TopTab.Pods), "/shop\rs");
            case "replay":
                var replay = TopSample.State(TopTab.Pods);
                replay.Moment = new(44, 120);
                return replay;
            default:
                var nothing = new TopState();
                var overview = System.Text.Json.Nodes.JsonNode.Parse(TopSample.Overview)!.AsObject();
                overview["findings"] = new System.Text.Json.Nodes.JsonArray();
                nothing.Take(new Dictionary<string, JsonElement>
                {
                    ["overview"] = TopSample.Element(overview.ToJsonString()),
                });
                return nothing;
        }
    }

    [Fact]
    public void Only_rows_with_all_words_stay()
    {
        var state = Press(TopSample.State(TopTab.Pods), "/SHOP");
        Names(state).ShouldBe(["shop/web-0", "shop/client-0"]);
        Names(Press(state, " cl")).ShouldBe(["shop/client-0"]);
        Names(Press(state, "\u007f\u007f\u007f\r")).ShouldBe(["shop/web-0", "shop/client-0"]);
        state.IsFiltering.ShouldBeFalse();
        Names(Press(state, "\e")).Length.ShouldBe(5);
        Names(Press(state, "/nobody is called so")).ShouldBeEmpty();
        Plain(new TopFrame(80, 24, false).Lines(state)).ShouldContain(l => l.StartsWith("  Nothing has \"nobody is called so\""));
        Plain(new TopFrame(80, 24, false).Lines(Press(state, "\r")))[^1].ShouldStartWith("[/nobody is called so]  / filter");
        Press(state, "/");
        // A letter is typed, not pressed.
        Press(Press(state, "\e"), "/q").Filter.ShouldBe("q");
    }

    [Fact]
    public void Rows_are_sorted_by_each_column_and_what_is_not_known_is_last()
    {
        var state = TopSample.State(TopTab.Pods);
        var columns = state.Table.Columns;
        state.SortColumn.ShouldBeNull();
        for (var column = 0; column < columns.Count; column++)
        {
            Press(state, "s").SortColumn.ShouldBe(column);
            foreach (var _ in (int[])[1, 2])
            {
                if (!columns[column].IsText)
                {
                    var order = state.Rows.Select(r => r.Cells[column].Order).ToArray();
                    var known = order.Where(o => o is not null).ToArray();
                    order.Take(known.Length).ShouldAllBe(o => o != null);
                    known.ShouldBe(state.IsReverse ? known.Order() : known.OrderDescending());
                }
                Press(state, "r");
            }
        }
        Press(state, "s").SortColumn.ShouldBeNull();
        Press(state, "S").SortColumn.ShouldBe(columns.Count - 1);
        // Each tab has its own order.
        Press(state, "1").SortColumn.ShouldBeNull();
        Press(state, "2").SortColumn.ShouldBe(columns.Count - 1);
    }

    [Fact]
    public void The_chosen_row_stays_so_wherever_others_push_it()
    {
        var state = Press(TopSample.State(TopTab.Pods), "jj");
        Chosen(state).ShouldBe("host");
        Chosen(Press(state, "ssss")).ShouldBe("host");
        var overview = System.Text.Json.Nodes.JsonNode.Parse(TopSample.Overview)!.AsObject();
        var pods = overview["pods"]!.AsArray();
        pods.RemoveAt(0);
        state.Take(new Dictionary<string, JsonElement> { ["overview"] = TopSample.Element(overview.ToJsonString()) });
        Chosen(state).ShouldBe("host");
        pods.Clear();
        state.Take(new Dictionary<string, JsonElement> { ["overview"] = TopSample.Element(overview.ToJsonString()) });
        state.Chosen.ShouldBe(-1);
        Press(state, "\r\e[A\e[Bjk\e[5~\e[6~\e[H\e[Fp").Page.ShouldBeNull();
    }

    [Fact]
    public void Pages_lead_from_a_finding_to_its_pod_and_back()
    {
        var state = Press(TopSample.State(), "\r");
        state.Page!.Tab.ShouldBe(TopTab.Findings);
        state.Wanted.ShouldBeEmpty();
        Press(state, "\r").Page!.Tab.ShouldBeNull();
        state.Wanted.ShouldBe(["subjects/n4026532621"]);
        Plain(new TopFrame(120, 40, false).Lines(state)).ShouldContain(l => l.Contains("web[4711]"));
        Press(state, "\e").Page!.Tab.ShouldBe(TopTab.Findings);
        Press(state, "\e").Page.ShouldBeNull();
        // What is wrong with the node is the host's.
        Press(Press(state, "\e[F"), "p").Page!.Subject.ShouldBe("host");
        // Another tab has its own rows in front.
        Press(state, "5").Page.ShouldBeNull();
        state.Wanted.ShouldBe(["node"]);
    }

    [Fact]
    public void A_page_scrolls_as_far_as_it_has_lines()
    {
        var state = Press(TopSample.State(TopTab.Pods), "\r");
        var frame = new TopFrame(40, 12, false);
        var first = Plain(frame.Lines(state));
        var next = Plain(frame.Lines(Press(state, "j")));
        next[3].ShouldBe(first[4]);
        var last = Plain(frame.Lines(Press(state, "\e[F")));
        Plain(frame.Lines(Press(state, "\e[6~\e[B"))).ShouldBe(last);
        last[^2].ShouldContain("dropped");
        Plain(frame.Lines(Press(state, "\e[H"))).ShouldBe(first);
        var help = Plain(frame.Lines(Press(state, "?")));
        Plain(frame.Lines(Press(state, "\e[F")))[^2].ShouldContain("CONFIG_KPROBES");
        Plain(frame.Lines(Press(state, "q?"))).ShouldBe(help);
        state.Page.ShouldNotBeNull();
    }

    [Fact]
    public void Arrows_step_through_a_recording_and_through_tabs_where_there_is_none()
    {
        var state = TopSample.State(TopTab.Pods);
        state.Press(new(TopKeyKind.Right), 10).ShouldBe(default);
        state.Tab.ShouldBe(TopTab.Listeners);
        state.Moment = new(44, 120);
        state.Press(new(TopKeyKind.Left), 10).Steps.ShouldBe(-1);
        state.Press(new(TopKeyKind.Right), 10).Steps.ShouldBe(1);
        state.Press(TopKey.Of('['), 10).Steps.ShouldBe(-10);
        state.Press(TopKey.Of(']'), 10).Steps.ShouldBe(10);
        state.Tab.ShouldBe(TopTab.Listeners);
        state.Press(TopKey.Of('q'), 10).Quit.ShouldBeTrue();
    }

    /// <summary>Nothing drives the terminal but what the frame itself writes, and no line is wider than it.</summary>
    [Fact]
    public void Hostile_names_are_text_at_every_size()
    {
        string[] ways = ["", "\r", "\r\r", "?", "/x", "jjj\r", "\e[F\r"];
        foreach (var (columns, rows) in ((int, int)[])[(1, 1), (2, 3), (5, 4), (13, 6), (40, 10), (80, 24), (300, 80)])
        {
            foreach (var (tab, way) in from t in Enum.GetValues<TopTab>() from w in ways select (t, w))
            {
                var lines = new TopFrame(columns, rows, true).Lines(Press(TopSample.State(tab), way));
                lines.Length.ShouldBe(rows);
                foreach (var line in Plain(lines))
                {
                    line.Any(SafeText.IsUnsafe).ShouldBeFalse(line);
                    TopText.Width(line).ShouldBeLessThanOrEqualTo(columns, $"{tab} {way} {columns}x{rows}: {line}");
                }
            }
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("""{"pods": 3, "findings": {"a": 1}, "ledger": [1], "node": "x", "time": 5, "blind": [1, null]}""")]
    [InlineData("""{"pods": [1, null, {}, {"id": 7, "spark": ["a", 1e300, -1], "listener_worst": {"port": {}}}]}""")]
    [InlineData("""{"findings": [{"subject": 1}, {"number": {}, "first": "x"}, []], "ledger": {"seconds": 1e-300}}""")]
    [InlineData("""{"devices": [{"up": 3}], "gauges": [{"used": 1e300, "limit": 1e-300}], "drops": [{}], "listeners": [{}]}""")]
    public void What_is_no_document_is_shown_as_nothing(string json)
    {
        foreach (var tab in Enum.GetValues<TopTab>())
        {
            var state = new TopState();
            state.Show(tab);
            state.Take(new Dictionary<string, JsonElement>
            {
                ["overview"] = TopSample.Element(json), ["node"] = TopSample.Element(json),
                ["listeners"] = TopSample.Element(json), ["drops"] = TopSample.Element(json),
            });
            foreach (var keys in (string[])["", "s", "\r", "\r", "?"])
                new TopFrame(80, 24, true).Lines(Press(state, keys)).Length.ShouldBe(24);
        }
    }

    [Fact]
    public void Nothing_known_yet_is_shown_as_that() =>
        new TopFrame(80, 24, true).Lines(new TopState()).ShouldContain("  ...");

    [Theory]
    [InlineData("a", "Letter")]
    [InlineData("é", "Letter")]
    [InlineData("\r", "Enter")]
    [InlineData("\n", "Enter")]
    [InlineData("\t", "Tab")]
    [InlineData("\u007f", "Erase")]
    [InlineData("\e", "Escape")]
    [InlineData("\e\e", "Escape Escape")]
    [InlineData("\e[A\eOB\e[C\e[D", "Up Down Right Left")]
    [InlineData("\e[1;5C\e[Z", "Right BackTab")]
    [InlineData("\e[5~\e[6~\e[1~\e[8~\e[H\eOF", "PageUp PageDown Home End Home End")]
    [InlineData("\e[200~x\e[99~\e[Mq\ea", "Letter Letter Escape Letter")]
    [InlineData("\e[1;2", "")]
    [InlineData("\e[[Aq\e[[", "Letter")]
    [InlineData("\u0001\u001a", "")]
    public void Keys_are_known_by_what_terminals_send(string sent, string kinds) =>
        string.Join(' ', TopKey.Parse(Encoding.UTF8.GetBytes(sent)).Select(k => k.Kind)).ShouldBe(kinds);

    [Theory]
    [InlineData("a", false)]
    [InlineData("\e", true)]
    [InlineData("\e[", true)]
    [InlineData("\e[5", true)]
    [InlineData("\e[5~", false)]
    [InlineData("\e[A\e[1;", true)]
    [InlineData("\e[[", true)]
    [InlineData("\e[[A", false)]
    [InlineData("\eO", true)]
    [InlineData("\eOP", false)]
    [InlineData("\ea", false)]
    [InlineData("é", false)]
    public void A_key_that_is_there_in_part_is_waited_for(string sent, bool begun) =>
        TopKey.IsBegun(Encoding.UTF8.GetBytes(sent)).ShouldBe(begun);

    [Fact]
    public void A_letter_that_is_there_in_part_is_waited_for()
    {
        var bytes = Encoding.UTF8.GetBytes("a店");
        for (var length = 1; length <= bytes.Length; length++)
            TopKey.IsBegun(bytes.AsSpan(0, length)).ShouldBe(length is 2 or 3);
    }

    [Fact]
    public void Whatever_bytes_are_sent_are_keys_or_nothing()
    {
        var random = new Random(4711);
        var bytes = new byte[64];
        for (var i = 0; i < 2000; i++)
        {
            random.NextBytes(bytes);
            TopKey.Parse(bytes).Count().ShouldBeLessThanOrEqualTo(bytes.Length);
        }
    }

    [Theory]
    [InlineData(null, "-")]
    [InlineData(0.0, "0")]
    [InlineData(0.01, "<0.1")]
    [InlineData(0.25, "0.3")]
    [InlineData(9.96, "10")]
    [InlineData(999.4, "999")]
    [InlineData(999.9, "1k")]
    [InlineData(48_211.0, "48k")]
    [InlineData(1e10, "10G")]
    [InlineData(double.NaN, "-")]
    public void Numbers_take_few_columns(double? number, string text) => TopNumber.Of(number).ShouldBe(text);

    [Theory]
    [InlineData("name", 6, "name  ")]
    [InlineData("a long name", 6, "a lon…")]
    [InlineData("店舗ウェブ", 6, "店舗… ")]
    [InlineData("店舗", 4, "店舗")]
    [InlineData("x", 0, "")]
    public void Text_takes_exactly_its_columns(string text, int columns, string fitted)
    {
        TopText.Fit(text, columns).ShouldBe(fitted);
        TopText.Width(TopText.Fit(text, columns, right: true)).ShouldBe(columns);
    }

    [Fact]
    public void What_takes_no_column_is_seen() =>
        TopText.Clean("a\u0301\u200d\e[2Jb\ud800").ShouldBe("a\uFFFD\uFFFD\uFFFD[2Jb\uFFFD");

    [Fact]
    public void Only_lines_that_changed_are_drawn()
    {
        var output = new StringWriter();
        using (var screen = new TopScreen(output))
        {
            screen.Draw(["one", "two"], (80, 24));
            output.GetStringBuilder().Clear();
            screen.Draw(["one", "three"], (80, 24));
            output.ToString().ShouldBe("\e[2;1H\e[Kthree\e[0m");
            output.GetStringBuilder().Clear();
            screen.Draw(["one", "three"], (80, 24));
            output.ToString().ShouldBeEmpty();
            screen.Draw(["one", "three"], (100, 24));
            output.ToString().ShouldContain("one");
            output.GetStringBuilder().Clear();
        }
        output.ToString().ShouldBe("\e[?7h\e[?25h\e[?1049l");
    }

    private static TopState Press(TopState state, string keys)
    {
        foreach (var key in TopKey.Parse(Encoding.UTF8.GetBytes(keys)))
            state.Press(key, 10);
        return state;
    }

    private static string[] Names(TopState state) => [.. state.Rows.Select(r => r.Cells[0].Text)];

    private static string Chosen(TopState state) => state.Rows[state.Chosen].Cells[0].Text;

    private static string[] Plain(string[] lines) => [.. lines.Select(l => Look().Replace(l, ""))];

    [GeneratedRegex(@"\e\[[0-9]+m", RegexOptions.None, 1000)]
    private static partial Regex Look();
}
