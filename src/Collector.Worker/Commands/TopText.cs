using System.Globalization;
using System.Text;
using Collector.Core;

namespace Collector.Worker.Commands;

/// <summary>Text in columns of a terminal: names from elsewhere, whatever is in them.</summary>
internal static class TopText
{
    /// <summary>Longer names are cut in any case; nobody sees more.</summary>
    private const int Longest = 1024;

    private const char Unknown = '\uFFFD';
    private const char Cut = '…';

    /// <summary>
    /// The text without what drives a terminal, and without letters that take no column: terminals do not agree where
    /// those stand.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.Length > Longest)
            text = text[..Longest] + Cut;
        if (text.All(static c => c is >= ' ' and <= '~'))
            return text;
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Columns(rune) == 0)
                clean.Append(Unknown);
            else
                clean.Append(rune);
        }
        return clean.ToString();
    }

    /// <summary>Columns that clean text takes.</summary>
    public static int Width(string text)
    {
        var width = 0;
        foreach (var rune in text.EnumerateRunes())
            width += Columns(rune);
        return width;
    }

    /// <summary>Clean text in exactly so many columns: cut, or with blanks behind or in front of it.</summary>
    public static string Fit(string text, int columns, bool right = false)
    {
        if (columns <= 0)
            return "";
        var width = Width(text);
        if (width > columns)
            (text, width) = Begin(text, columns);
        var blanks = new string(' ', columns - width);
        return right ? blanks + text : text + blanks;
    }

    private static (string Text, int Width) Begin(string text, int columns)
    {
        var (begin, width) = (new StringBuilder(), 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (width + Columns(rune) > columns - 1)
                break;
            begin.Append(rune);
            width += Columns(rune);
        }
        return (begin.Append(Cut).ToString(), width + 1);
    }

    private static int Columns(Rune rune)
    {
        if (rune.Value is >= ' ' and <= '~')
            return 1;
        if (rune.IsBmp && SafeText.IsUnsafe((char)rune.Value))
            return 0;
        return Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate ? 0 : IsWide(rune.Value) ? 2 : 1;
    }

    // East Asian Width "W" and "F", by blocks.
    private static bool IsWide(int letter) => letter is (>= 0x1100 and <= 0x115f) or (>= 0x2e80 and <= 0x303e)
        or (>= 0x3041 and <= 0xa4cf) or (>= 0xa960 and <= 0xa97f) or (>= 0xac00 and <= 0xd7a3)
        or (>= 0xf900 and <= 0xfaff) or (>= 0xfe30 and <= 0xfe6f) or (>= 0xff00 and <= 0xff60)
        or (>= 0xffe0 and <= 0xffe6) or (>= 0x1f300 and <= 0x1f64f) or (>= 0x1f680 and <= 0x1f6ff)
        or (>= 0x1f900 and <= 0x1faff) or (>= 0x20000 and <= 0x3fffd);
}
