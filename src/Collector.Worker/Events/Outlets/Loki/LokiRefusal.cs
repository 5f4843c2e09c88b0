using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>
/// What Loki says with HTTP 400 of lines that are out of order or too far behind (stream.go of its ingester): the rest
/// of the push it has taken. Of what it refuses before that, it does not say how many lines they are.
/// </summary>
internal static partial class LokiRefusal
{
    /// <summary>Of so many lines those that it took, as far as it says so.</summary>
    public static int Taken(ReadOnlySpan<byte> body, int count)
    {
        var said = Ignored().Match(Encoding.UTF8.GetString(body));
        if (!said.Success)
            return 0;
        var (ignored, seen) = (Number(said.Groups["ignored"]), Number(said.Groups["seen"]));
        return ignored <= seen && seen <= count ? seen - ignored : 0;
    }

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    // Older ones name no user, and the stream with each line.
    [GeneratedRegex(
        @"^(user '[^\n]*', )?total ignored: (?<ignored>[0-9]{1,9}) out of (?<seen>[0-9]{1,9})",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Ignored();
}
