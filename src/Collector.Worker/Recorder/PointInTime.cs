using System.Globalization;

namespace Collector.Worker.Recorder;

/// <summary>Reads a time as RFC 3339 writes it, with up to nine digits of a second, as events have it.</summary>
internal static class PointInTime
{
    private const int MostDigits = 9;

    /// <summary>2026-03-04T12:00:00Z, 2026-03-04T12:00:00.123456789+01:00 as Unix nanoseconds.</summary>
    public static bool TryParse(string text, out long unixNanoseconds)
    {
        unixNanoseconds = 0;
        var (fraction, rest) = (0L, text);
        if (text.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot)
        {
            var digits = text.AsSpan(dot + 1).IndexOfAnyExceptInRange('0', '9');
            if (digits is < 1 or > MostDigits)
                return false;
            fraction = long.Parse(
                text.Substring(dot + 1, digits).PadRight(MostDigits, '0'), CultureInfo.InvariantCulture);
            rest = text.Remove(dot, digits + 1);
        }
        if (!DateTimeOffset.TryParseExact(
            rest, ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:sszzz"], CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal, out var time))
            return false;
        var ticks = (time - DateTimeOffset.UnixEpoch).Ticks;
        if (Math.Abs(ticks) > long.MaxValue / 100 - TimeSpan.TicksPerSecond)
            return false;
        unixNanoseconds = ticks * 100 + fraction;
        return true;
    }
}
