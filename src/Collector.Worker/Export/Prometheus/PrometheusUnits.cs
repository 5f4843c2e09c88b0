namespace Collector.Worker.Export.Prometheus;

/// <summary>The words that Prometheus puts into a name for a UCUM unit.</summary>
/// <remarks>
/// OpenTelemetry specification, compatibility/prometheus_and_openmetrics.md, "Unit suffixes". The unit is spelled out,
/// never converted: a metric declared in milliseconds stays in milliseconds.
/// </remarks>
internal static class PrometheusUnits
{
    private static readonly Dictionary<string, string> Words = new()
    {
        ["d"] = "days",
        ["h"] = "hours",
        ["min"] = "minutes",
        ["s"] = "seconds",
        ["ms"] = "milliseconds",
        ["us"] = "microseconds",
        ["ns"] = "nanoseconds",
        ["By"] = "bytes",
        ["KiBy"] = "kibibytes",
        ["MiBy"] = "mebibytes",
        ["GiBy"] = "gibibytes",
        ["TiBy"] = "tibibytes",
        ["KBy"] = "kilobytes",
        ["MBy"] = "megabytes",
        ["GBy"] = "gigabytes",
        ["TBy"] = "terabytes",
        ["m"] = "meters",
        ["V"] = "volts",
        ["A"] = "amperes",
        ["J"] = "joules",
        ["W"] = "watts",
        ["g"] = "grams",
        ["Cel"] = "celsius",
        ["Hz"] = "hertz",
        ["1"] = "",
        ["%"] = "percent",
    };

    private static readonly Dictionary<string, string> PerWords = new()
    {
        ["s"] = "second",
        ["m"] = "minute",
        ["h"] = "hour",
        ["d"] = "day",
        ["w"] = "week",
        ["mo"] = "month",
        ["y"] = "year",
    };

    /// <summary>
    /// The word of a unit, empty for a count (<c>1</c>, <c>{packet}</c>): <c>By</c> is "bytes", <c>By/s</c> is
    /// "bytes" and "second".
    /// </summary>
    public static (string Main, string Per) WordsOf(string unit)
    {
        var slash = unit.IndexOf('/', StringComparison.Ordinal);
        var main = slash < 0 ? unit : unit[..slash];
        var per = slash < 0 ? "" : unit[(slash + 1)..];
        return (Word(main, Words), Word(per, PerWords));
    }

    private static string Word(string unit, Dictionary<string, string> words)
    {
        // A unit in braces is an annotation: it says what is counted and has no place in a name.
        var trimmed = unit.Trim();
        if (trimmed.Contains('{', StringComparison.Ordinal))
            return "";
        return words.GetValueOrDefault(trimmed, trimmed);
    }
}
