using Collector.Worker.Commands;
using Collector.Worker.Watch;

namespace Collector.Worker.Tests.Watch;

/// <summary>Lines scroll, the counts stay: in a pipe, and on terminals of several widths.</summary>
public sealed class WatchScreenTests
{
    private static readonly WatchWords Words = new(
        "12:00:00.000 WARN  tcpreset.sent         sent reset tcp 10.0.0.2:80 > 10.0.0.9:4711: nobody listens there; "
        + "pod shop/web-0; running: nginx[4711]", 13, 4, "WARN");

    private readonly StringWriter _output = new();

    private WatchScreen Screen(int? width, bool live = true, bool colours = false) =>
        new(_output, () => width, live, colours);

    [Fact]
    public void In_a_pipe_an_event_is_a_line_and_nothing_else_is_printed()
    {
        var screen = Screen(null);
        screen.Print([], "0 events");
        _output.ToString().ShouldBeEmpty();
        screen.Print([Words], "1 event");
        screen.End();
        _output.ToString().ShouldBe(Words.Text + "\n");
    }

    [Theory]
    [InlineData(20)]
    [InlineData(80)]
    [InlineData(120)]
    public void No_line_is_wider_than_the_terminal(int width)
    {
        var screen = Screen(width);
        screen.Print([Words], new string('7', 200));
        var lines = _output.ToString().Split('\n');
        lines.ShouldAllBe(l => l.Length < width || !l.Trim().Contains(' '));
        lines[^1].ShouldBe(new string('7', width - 2) + '…');
        string.Concat(lines[..^1]).Replace(" ", "").ShouldBe(Words.Text.Replace(" ", ""));
    }

    [Fact]
    public void The_counts_are_drawn_anew_with_what_is_above_them_in_one_write()
    {
        var writes = new List<string>();
        var screen = new WatchScreen(new Recorder(writes), () => 80, live: true, colours: false);
        screen.Print([], "0 events");
        screen.Print([], "0 events");
        screen.Print([new("line", 0, 1, "WARN")], "1 event");
        screen.MakeRoom();
        screen.MakeRoom();
        screen.Print([], "1 event");
        screen.End();
        screen.MakeRoom();
        writes.ShouldBe(["0 events", "\r\e[Kline\n1 event", "\r\e[K", "1 event", "\r\e[K"]);
    }

    [Theory]
    [InlineData("WARN", "33")]
    [InlineData("ERROR", "31")]
    [InlineData("INFO", "32")]
    public void Severities_have_colours(string severity, string code)
    {
        Screen(null, colours: true).Print([new($"t {severity} x", 2, severity.Length, severity)], "");
        _output.ToString().ShouldBe($"t \e[{code}m{severity}\e[0m x\n");
    }

    [Fact]
    public void Lines_for_programs_are_neither_broken_nor_coloured()
    {
        Screen(20, live: false, colours: true).Print([new(Words.Text, 0, 0, "")], "");
        _output.ToString().ShouldBe(Words.Text + "\n");
    }

    private sealed class Recorder(List<string> writes) : StringWriter
    {
        public override void Write(string? value) => writes.Add(value!);
    }
}
