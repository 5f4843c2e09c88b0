using System.Globalization;

namespace Collector.Core.Probes;

/// <summary>A part of a whole, exact to a hundredth of a per cent.</summary>
/// <param name="Parts">Of ten thousand.</param>
public readonly record struct Share(long Parts)
{
    /// <summary>All of it.</summary>
    public static readonly Share Whole = new(10_000);

    /// <summary>So many of a hundred.</summary>
    public static Share Percent(long percent) => new(percent * 100);

    /// <summary>True where a part is so large, or larger.</summary>
    public bool IsReached(long part, long whole) => (Int128)part * Whole.Parts >= (Int128)whole * Parts;

    /// <summary>So much of a whole.</summary>
    public double Of(double whole) => whole * Parts / Whole.Parts;

    /// <summary><c>5%</c>, <c>0.5 %</c> or <c>5</c>, with two places at most.</summary>
    public static bool TryParse(string text, out Share value)
    {
        value = default;
        var number = text.EndsWith('%') ? text[..^1].TrimEnd(' ') : text;
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
            || percent > 1_000_000 || percent * 100 != decimal.Truncate(percent * 100))
            return false;
        value = new((long)(percent * 100));
        return true;
    }

    /// <exception cref="FormatException">It is no share.</exception>
    public static Share Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not a share");

    /// <summary><c>0.5%</c>, as a file has it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Parts / 100m:0.##}%");
}
