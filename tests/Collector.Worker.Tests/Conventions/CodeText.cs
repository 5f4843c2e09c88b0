using System.Text;

namespace Collector.Worker.Tests.Conventions;

/// <summary>
/// C# without its comments and the text of its strings; what an interpolated string computes stays. Line ends within
/// them go too.
/// </summary>
internal sealed class CodeText
{
    private readonly StringBuilder _code = new();
    private readonly string _source;
    private int _at;

    private CodeText(string source) => _source = source;

    public static string Of(string source)
    {
        var text = new CodeText(source);
        text.TakeCode();
        return text._code.ToString();
    }

    /// <summary>Takes code up to the end, or to the brace that ends a hole of an interpolated string.</summary>
    private void TakeCode()
    {
        var depth = 0;
        while (_at < _source.Length)
        {
            if (Sees("//"))
                SkipTo("\n", keep: true);
            else if (Sees("/*"))
                SkipTo("*/");
            else if (_source[_at] == '\'')
                SkipCharacter();
            else if (StringPrefix() is { } prefix)
                SkipString(prefix);
            else if (_source[_at] == '}' && depth-- == 0)
                return;
            else
                depth += Take() == '{' ? 1 : 0;
        }
    }

    private char Take()
    {
        _code.Append(_source[_at]);
        return _source[_at++];
    }

    private bool Sees(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private void SkipTo(string end, bool keep = false)
    {
        var found = _source.IndexOf(end, _at, StringComparison.Ordinal);
        _at = found < 0 ? _source.Length : keep ? found : found + end.Length;
        _code.Append(' ');
    }

    private void SkipCharacter()
    {
        _at += _source[_at + 1] == '\\' ? 3 : 2;
        SkipTo("'");
    }

    /// <summary>What stands before the text of a string: <c>$</c>, <c>@</c> and the quotes; null where none begins.</summary>
    private string? StringPrefix()
    {
        var quote = _at;
        while (quote < _source.Length && _source[quote] is '$' or '@')
            quote++;
        if (quote >= _source.Length || _source[quote] != '"')
            return null;
        var end = quote;
        while (end < _source.Length && _source[end] == '"')
            end++;
        // Two quotes are an empty string; only from three on they are a mark. A verbatim string has one.
        var quotes = end - quote < 3 || _source.AsSpan(_at, quote - _at).Contains('@') ? 1 : end - quote;
        return _source.Substring(_at, quote + quotes - _at);
    }

    private void SkipString(string prefix)
    {
        var verbatim = prefix.Contains('@');
        var holes = prefix.Count(c => c == '$');
        var end = new string('"', prefix.Count(c => c == '"'));
        var raw = end.Length > 1;
        _at += prefix.Length;
        _code.Append(' ');
        while (_at < _source.Length)
        {
            if (!raw && verbatim ? Sees("\"\"") : !raw && Sees("\\"))
                _at += 2;
            else if (Sees(end))
                break;
            else if (holes > 0 && !raw && Sees("{{"))
                _at += 2;
            else if (holes > 0 && Sees(new string('{', holes)))
                TakeHole(holes);
            else
                _at++;
        }
        _at += end.Length;
    }

    private void TakeHole(int braces)
    {
        _at += braces;
        TakeCode();
        _at += braces;
        _code.Append(' ');
    }
}
