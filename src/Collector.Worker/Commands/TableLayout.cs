using System.Text;

namespace Collector.Worker.Commands;

/// <summary>
/// Where the columns of a table stand. Lines break between words only: a name or number that is cut in two cannot be
/// read, searched or copied. What does not fit beside each other stands below, indented: the last columns first.
/// </summary>
internal sealed class TableLayout
{
    private const int Gap = 2;
    private const int BelowIndent = 4;

    // Narrower text is a tower of words.
    private const int NarrowestText = 18;

    private readonly int[] _widths;
    private readonly int _room;

    /// <param name="widths">Of the columns that stand beside each other.</param>
    /// <param name="room">Columns that there are, for what stands below.</param>
    private TableLayout(int[] widths, int room)
    {
        _widths = widths;
        _room = room;
    }

    /// <summary>The layout of a table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="room">Columns that there are; null: any number.</param>
    public static TableLayout Of(TextTable table, int? room)
    {
        var columns = Enumerable.Range(0, table.Headings.Count).Select(i => Measure(table, i)).ToArray();
        if (room is not { } most || Sum(columns.Select(c => c.Widest)) <= most)
            return new([.. columns.Select(c => c.Widest)], int.MaxValue);
        for (var beside = columns.Length; beside > 0; beside--)
        {
            if (Fit(columns[..beside], most) is { } widths)
                return new(widths, most);
        }
        return new([most], most);
    }

    /// <summary>A row's lines.</summary>
    public IEnumerable<string> LinesOf(IReadOnlyList<string> cells)
    {
        var beside = _widths.Select((width, i) => Wrap(cells[i], width).ToArray()).ToArray();
        for (var line = 0; line < beside.Max(c => c.Length); line++)
        {
            var text = new StringBuilder();
            for (var i = 0; i < beside.Length; i++)
                text.Append((line < beside[i].Length ? beside[i][line] : "").PadRight(_widths[i] + Gap));
            yield return text.ToString().TrimEnd();
        }
        var below = string.Join("; ", cells.Skip(_widths.Length).Where(c => c.Length > 0));
        if (below.Length == 0)
            yield break;
        foreach (var line in Wrap(below, _room - BelowIndent))
            yield return new string(' ', BelowIndent) + line;
    }

    // Text gives way, the widest first, down to a width that can be read; null where that is not enough.
    private static int[]? Fit((int Least, int Widest)[] columns, int room)
    {
        var widths = columns.Select(c => c.Widest).ToArray();
        while (Sum(widths) > room)
        {
            var widest = -1;
            for (var i = 0; i < widths.Length; i++)
            {
                if (widths[i] > columns[i].Least && (widest < 0 || widths[i] >= widths[widest]))
                    widest = i;
            }
            if (widest < 0)
                return null;
            widths[widest]--;
        }
        return widths;
    }

    private static int Sum(IEnumerable<int> widths) => widths.Sum(w => w + Gap) - Gap;

    private static (int Least, int Widest) Measure(TextTable table, int column)
    {
        var cells = table.Rows.Select(r => r[column]).Append(table.Headings[column]).ToArray();
        var widest = cells.Max(c => c.Length);
        var word = cells.SelectMany(Words).Select(w => w.TrimEnd(' ').Length).DefaultIfEmpty().Max();
        return (Math.Min(widest, Math.Max(word, NarrowestText)), widest);
    }

    /// <summary>Text in lines of at most this width, but for a word that is longer.</summary>
    public static IEnumerable<string> Wrap(string text, int width, string indent = "")
    {
        var line = new StringBuilder();
        var start = 0;
        foreach (var word in Words(text))
        {
            if (line.Length > start && line.Length + word.TrimEnd(' ').Length > width)
            {
                yield return line.ToString().TrimEnd(' ');
                line.Clear().Append(indent);
                start = indent.Length;
            }
            line.Append(word);
        }
        yield return line.ToString().TrimEnd(' ');
    }

    // With what ends them: a blank, or the comma of a list without blanks.
    private static IEnumerable<string> Words(string text)
    {
        for (int from = 0, end; from < text.Length; from = end)
        {
            end = text.AsSpan(from).IndexOfAny(' ', ',') is >= 0 and var length ? from + length + 1 : text.Length;
            // ", " is one end.
            while (end < text.Length && text[end] == ' ')
                end++;
            yield return text[from..end];
        }
    }
}
