using System.Text;
using Collector.Linux.Interop;

namespace Collector.Worker.Commands;

/// <summary>
/// The terminal's other screen, which has no memory: what was on the first one is there again afterwards. Only lines
/// that changed are sent.
/// </summary>
internal sealed class TopScreen : IDisposable
{
    // The other screen; no cursor; what is too wide is cut, whatever the terminal thinks of a letter's width.
    private const string Begin = "\e[?1049h";
    private const string Setting = "\e[?25l\e[?7l\e[2J";
    private const string End = "\e[?7h\e[?25h\e[?1049l";

    private readonly TextWriter _output;
    private string[] _shown = [];
    private (int Columns, int Rows) _size;
    private bool _ended;

    public TopScreen(TextWriter output)
    {
        _output = output;
        _output.Write(Begin + Setting);
    }

    /// <summary>Draws everything anew next time: somebody else may have written on it.</summary>
    public void Forget()
    {
        _output.Write(Setting);
        _shown = [];
    }

    /// <summary>Shows lines.</summary>
    public void Draw(string[] lines, (int Columns, int Rows) size)
    {
        if (size != _size)
            Forget();
        _size = size;
        var text = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            if (i >= _shown.Length || lines[i] != _shown[i])
                text.Append($"\e[{i + 1};1H\e[K{lines[i]}\e[0m");
        }
        _shown = lines;
        if (text.Length > 0)
            _output.Write(text.ToString());
    }

    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        try
        {
            _output.Write(End);
        }
        catch (BrokenOutputException)
        {
            // The terminal has gone.
        }
    }
}
