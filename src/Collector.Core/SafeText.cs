using System.Globalization;
using System.Text;

namespace Collector.Core;

/// <summary>
/// Names come from elsewhere: what would command a terminal, end a line, or turn the direction of text round must reach
/// nobody who prints it.
/// </summary>
public static class SafeText
{
    /// <summary>Control characters (C0, DEL, C1), other line ends, and the marks of direction.</summary>
    public static bool IsUnsafe(char c) => c < ' '
        || (c >= '\u007f' && (char.IsControl(c)
            || c is '\u061c' or '\u200e' or '\u200f' or '\u2028' or '\u2029'
                or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069')));

    /// <summary>The text with a replacement character for each unsafe one: for people.</summary>
    public static string Printable(string text) =>
        text.Any(IsUnsafe) ? string.Concat(text.Select(c => IsUnsafe(c) ? '\uFFFD' : c)) : text;

    /// <summary>Appends a character as <c>\u001B</c>, so that what differs stays different.</summary>
    public static StringBuilder AppendEscaped(this StringBuilder text, char c) =>
        text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
}
