using System.Text;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>
/// Where events scroll by. On a terminal a line with counts stands below them; both are one write, so that nothing
/// flickers. In a pipe a line is an event, and is there at once.
/// </summary>
/// <param name="output">Takes it.</param>
/// <param name="width">Columns of the terminal now; null in a pipe.</param>
/// <param name="live">Whether the last line may be drawn anew.</param>
/// <param name="colours">Whether severities have colours.</param>
internal sealed class WatchScreen(TextWriter output, Func<int?> width, bool live, bool colours)
{
    private const string Clear = "\r\e[K";
    private const string Indent = "    ";

    private readonly Lock _lock = new();
    private string _counts = "";
    private bool _ended;

    /// <summary>Prints events, and draws the counts.</summary>
    /// <returns>False when nothing was to do.</returns>
    public void Print(IReadOnlyList<WatchWords> events, string counts)
    {
        var text = new StringBuilder();
        var columns = width();
        foreach (var words in events)
            Append(text, words, columns);
        lock (_lock)
        {
            if (!live || columns is not { } room)
            {
                if (text.Length > 0)
                    output.Write(text.ToString());
                return;
            }
            // A line as wide as the terminal would scroll it.
            counts = counts.Length < room ? counts : counts[..Math.Max(0, room - 2)] + '…';
            if (text.Length == 0 && counts == _counts)
                return;
            output.Write($"{(_counts.Length > 0 ? Clear : "")}{text}{counts}");
            _counts = counts;
        }
    }

    /// <summary>Takes the counts away: something else wants to be printed.</summary>
    public void MakeRoom()
    {
        lock (_lock)
        {
            if (_counts.Length == 0 || _ended)
                return;
            _counts = "";
            output.Write(Clear);
        }
    }

    /// <summary>Nothing is drawn any more.</summary>
    public void End()
    {
        MakeRoom();
        _ended = true;
    }

    private void Append(StringBuilder text, WatchWords words, int? columns)
    {
        if (columns is not { } room || words.Length == 0)
        {
            Coloured(text, words.Text, words).Append('\n');
            return;
        }
        var first = true;
        foreach (var line in TableLayout.Wrap(words.Text, room - 1 - Indent.Length))
        {
            if (first)
                Coloured(text, line, words);
            else
                text.Append(Indent).Append(line);
            text.Append('\n');
            first = false;
        }
    }

    private StringBuilder Coloured(StringBuilder text, string line, WatchWords words)
    {
        var code = words.Severity switch { "ERROR" => "31", "WARN" => "33", _ => "32" };
        var end = words.From + words.Length;
        return !colours || words.Length == 0 || line.Length < end
            ? text.Append(line)
            : text.Append(line, 0, words.From).Append("\e[").Append(code).Append('m')
                .Append(line, words.From, words.Length).Append("\e[0m").Append(line, end, line.Length - end);
    }
}
