using System.Globalization;
using System.Text;

namespace Collector.Worker.Configuration.Yaml;

/// <summary>Writes values so that they read back as the same text, and quotes strange text in messages.</summary>
internal static class YamlText
{
    private const int LongestShown = 80;

    /// <summary>Plain where nobody can read it otherwise than as this text, else in double quotes.</summary>
    public static string Scalar(string text) => IsPlain(text) ? text : Quoted(text);

    /// <summary>For messages and comments: one line, no control characters, cut after 80 characters.</summary>
    public static string Shown(string text) =>
        OneLine(text.Length > LongestShown ? text[..LongestShown] + "..." : text);

    /// <summary>The same for text whose length is known to be reasonable: paths, messages.</summary>
    public static string OneLine(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Append(shown, rune);
        return shown.ToString();
    }

    /// <summary>In double quotes.</summary>
    public static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '"' or '\\')
                quoted.Append('\\');
            Append(quoted, rune);
        }
        return quoted.Append('"').ToString();
    }

    private static void Append(StringBuilder text, Rune rune)
    {
        if (rune.IsAscii ? !Rune.IsControl(rune) : IsPrintable(rune))
            text.Append(rune.ToString());
        else if (rune.IsBmp)
            text.Append("\\u").Append(rune.Value.ToString("X4", CultureInfo.InvariantCulture));
        else
            text.Append("\\U").Append(rune.Value.ToString("X8", CultureInfo.InvariantCulture));
    }

    private static bool IsPrintable(Rune rune) => rune.IsBmp
        && (Rune.IsLetterOrDigit(rune) || Rune.IsPunctuation(rune) || Rune.IsSymbol(rune))
        && rune.Value != Rune.ReplacementChar.Value;

    private static bool IsPlain(string text) =>
        text.Length > 0
        && (char.IsAsciiLetterOrDigit(text[0]) || text[0] == '/')
        && !text.EndsWith(':')
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or ':' or '+' or '%')
        && text is not ("null" or "Null" or "NULL");
}
