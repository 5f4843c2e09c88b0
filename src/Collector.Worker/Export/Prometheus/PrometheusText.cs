using System.Buffers;
using System.Globalization;
using System.Text;
using Collector.Core;

namespace Collector.Worker.Export.Prometheus;

/// <summary>Spelling of names, values and texts that both formats share.</summary>
internal static class PrometheusText
{
    /// <summary>Room that any number takes: 20 characters of a long, 24 of a double, and some to spare.</summary>
    public const int NumberLength = 32;

    private static readonly SearchValues<char> LabelSpecials = SearchValues.Create(
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c)
            .Where(c => c is '\\' or '"' || SafeText.IsUnsafe(c))]);

    /// <summary>
    /// A label value, escaped, as UTF-8. Unpaired surrogates become U+FFFD; what must not reach a terminal stands for
    /// itself in six characters, such as <c>\u001B</c>, in the value: who reads the page with curl is safe, and so is
    /// who sees the label later.
    /// </summary>
    public static byte[] LabelValue(string value) => Encoding.UTF8.GetBytes(Escape(value, quote: true));

    /// <summary>A HELP text. OpenMetrics escapes the quote too, 0.0.4 must not.</summary>
    public static string Help(string text, PrometheusFormat format) =>
        Escape(text, quote: format is PrometheusFormat.OpenMetrics);

    /// <summary>Writes a number as Go's ParseFloat reads it; gives its length.</summary>
    public static int WriteNumber(Span<byte> target, double value)
    {
        if (double.IsInfinity(value) || double.IsNaN(value))
        {
            var word = double.IsNaN(value) ? "NaN"u8 : value > 0 ? "+Inf"u8 : "-Inf"u8;
            word.CopyTo(target);
            return word.Length;
        }
        value.TryFormat(target, out var written, default, CultureInfo.InvariantCulture);
        return written;
    }

    public static int WriteNumber(Span<byte> target, long value)
    {
        value.TryFormat(target, out var written, default, CultureInfo.InvariantCulture);
        return written;
    }

    /// <summary>Unix nanoseconds as seconds with three decimals, which is what Prometheus keeps of a time.</summary>
    public static int WriteTime(Span<byte> target, long unixNanoseconds)
    {
        var milliseconds = unixNanoseconds / 1_000_000;
        (milliseconds / 1000).TryFormat(target, out var written, default, CultureInfo.InvariantCulture);
        target[written++] = (byte)'.';
        Math.Abs(milliseconds % 1000).TryFormat(target[written..], out var more, "D3", CultureInfo.InvariantCulture);
        return written + more;
    }

    /// <summary>
    /// An upper bound in full, as Prometheus spells one that it got over OTLP (<c>0.000001024</c>, no exponent), and as
    /// OpenMetrics wants a whole one (<c>1.0</c>, not <c>1</c>). The text format accepts both, and the series stays the
    /// same when a scraper changes the format.
    /// </summary>
    public static string Bound(double bound)
    {
        if (double.IsPositiveInfinity(bound))
            return "+Inf";
        // The shortest text that reads back as the same double; a decimal holds its digits and has no exponent.
        var text = bound.ToString(CultureInfo.InvariantCulture);
        if (text.Contains('E', StringComparison.Ordinal)
            && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact)
            && (double)exact == bound)
            text = exact.ToString(CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny(".E") ? text : text + ".0";
    }

    private static string Escape(string text, bool quote)
    {
        if (!text.AsSpan().ContainsAny(LabelSpecials))
            return text;
        var escaped = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\\' => escaped.Append(@"\\"),
                '\n' => escaped.Append(@"\n"),
                '"' when quote => escaped.Append("\\\""),
                // Among them NUL, which Prometheus' lexer takes for the end of its input.
                _ when SafeText.IsUnsafe(c) => escaped.Append('\\').AppendEscaped(c),
                _ => escaped.Append(c),
            };
        }
        return escaped.ToString();
    }
}
