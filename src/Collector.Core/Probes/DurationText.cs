using System.Globalization;

namespace Collector.Core.Probes;

/// <summary>
/// Durations as the file writes them: a whole number and one unit, <c>500ms</c>, <c>15s</c>, <c>1m</c>, <c>2h</c>.
/// </summary>
public static class DurationText
{
    // Longest first when formatting; "ms" before "s" when parsing.
    private static readonly (string Unit, long Milliseconds)[] Units =
        [("h", 3_600_000), ("m", 60_000), ("ms", 1), ("s", 1000)];

    /// <summary>False, with what is wrong, for anything but digits and one unit.</summary>
    public static bool TryParse(string text, out TimeSpan value, out string problem)
    {
        value = default;
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
            digits++;
        if (digits == text.Length && digits > 0)
            return Fail("has no unit", out problem);
        var unit = Array.Find(Units, u => text.AsSpan(digits).SequenceEqual(u.Unit));
        if (digits == 0 || unit.Unit is null)
            return Fail("is not a duration", out problem);
        if (!long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var amount)
            || amount > TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond / unit.Milliseconds)
            return Fail("is out of range", out problem);
        value = TimeSpan.FromTicks(amount * unit.Milliseconds * TimeSpan.TicksPerMillisecond);
        problem = "";
        return true;
    }

    /// <exception cref="FormatException">It is no duration.</exception>
    public static TimeSpan Parse(string text) => TryParse(text, out var value, out var problem)
        ? value
        : throw new FormatException($"'{text}' {problem}");

    /// <summary>The longest unit that divides it; what is below a millisecond is cut off.</summary>
    public static string Format(TimeSpan value)
    {
        var milliseconds = value.Ticks / TimeSpan.TicksPerMillisecond;
        var unit = milliseconds == 0
            ? ("s", 1000)
            : Units.OrderByDescending(u => u.Milliseconds).First(u => milliseconds % u.Milliseconds == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds / unit.Item2}{unit.Item1}");
    }

    private static bool Fail(string what, out string problem)
    {
        problem = what;
        return false;
    }
}
