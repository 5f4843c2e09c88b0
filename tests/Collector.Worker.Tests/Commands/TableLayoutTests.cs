using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Commands;

public sealed class TableLayoutTests
{
    private static readonly string[] Words = ["netlens.tcpext.listen_overflows", "counter", "abc", "of", "x", ""];

    /// <summary>At any width: no word is cut, none is lost, and no line is longer than its longest word makes it.</summary>
    [Fact]
    public void Words_are_never_cut_nor_lost_nor_wider_than_the_terminal()
    {
        var random = new Random(7);
        for (var round = 0; round < 500; round++)
        {
            var table = new TextTable([.. Enumerable.Range(0, 1 + random.Next(6)).Select(i => $"HEAD{i}")]);
            for (var row = 0; row < 4; row++)
            {
                table.Row([.. table.Headings.Select(_ => string.Join(' ',
                    Enumerable.Range(0, random.Next(12)).Select(_ => Words[random.Next(Words.Length - 1)])))]);
            }
            var width = 20 + random.Next(140);
            var lines = table.Lines(width).Select(l => l.Line).ToArray();
            var wanted = table.Rows.Prepend([.. table.Headings]).SelectMany(r => r).SelectMany(c => c.Split(' '));
            var printed = lines.SelectMany(l => l.Replace(";", "").Split(' '));
            Count(printed).ShouldBe(Count(wanted), ignoreOrder: true);
            if (width > Words[0].Length + 5)
                lines.ShouldAllBe(l => l.Length < width);
        }

        static IEnumerable<string> Count(IEnumerable<string> words) =>
            words.Where(w => w.Length > 0).CountBy(w => w).Select(w => $"{w.Key} {w.Value}");
    }

    [Fact]
    public void A_pipe_has_a_line_per_row_and_no_blanks_at_its_end()
    {
        var table = new TextTable("A", "B");
        table.Row("one", new string('x', 400));
        table.Row("two", "");
        table.Lines(null).Select(l => l.Line).ShouldBe(["A    B", $"one  {new string('x', 400)}", "two"]);
    }

    [Fact]
    public void Keys_that_would_be_alike_get_a_word_more()
    {
        ShortKey.Of(["cpu.logical_number", "netlens.raiser.pid", "netlens.previous.pid"])
            .ShouldBe(["logical_number", "raiser.pid", "previous.pid"]);
        ShortKey.Of(["network.interface.name", "network.io.direction"]).ShouldBe(["interface", "direction"]);
    }
}
