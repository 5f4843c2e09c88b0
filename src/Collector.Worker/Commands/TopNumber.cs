using System.Globalization;

namespace Collector.Worker.Commands;

/// <summary>Numbers in a few columns. What is not known is a dash, never 0.</summary>
internal static class TopNumber
{
    private const string Unknown = "-";

    private static readonly string[] Decimal = ["", "k", "M", "G", "T", "P"];
    private static readonly string[] Binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

    /// <summary>"0", "0.3", "12", "1.2k".</summary>
    public static string Of(double? number) => Scaled(number, 1000, Decimal);

    /// <summary>"0", "512", "1.2Ki".</summary>
    public static string Bytes(double? number) => Scaled(number, 1024, Binary);

    /// <summary>"3.1" of a hundred.</summary>
    public static string Percent(double? number) => number is not { } n ? Unknown
        : n is > 0 and < 0.1 ? "<0.1" : Text(n, Math.Abs(n) < 9.95 ? "0.#" : "0");

    /// <summary>"30 s", "4 min", "2 h", "9 d".</summary>
    public static string Time(double? seconds) => seconds switch
    {
        null => Unknown,
        < 120 => $"{Text(Math.Max(0, seconds.Value), "0")} s",
        < 7200 => $"{Text(seconds.Value / 60, "0")} min",
        < 172_800 => $"{Text(seconds.Value / 3600, "0")} h",
        _ => $"{Text(Math.Min(seconds.Value / 86_400, 1e6), "0")} d",
    };

    private static string Scaled(double? number, double step, string[] units)
    {
        if (number is not { } n || !double.IsFinite(n))
            return Unknown;
        if (n is > 0 and < 0.05)
            return "<0.1";
        var unit = 0;
        while (Math.Abs(n) >= step * 0.9995 && unit < units.Length - 1)
        {
            n /= step;
            unit++;
        }
        return Text(n, Math.Abs(n) < 9.95 ? "0.#" : "0") + units[unit];
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
