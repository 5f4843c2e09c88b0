using Collector.Worker.Export.Prometheus;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Collector.Worker.Http;

/// <summary>Chooses format and encoding of /metrics from Accept and Accept-Encoding (RFC 9110, 12.5).</summary>
internal static class ContentNegotiation
{
    /// <summary>
    /// OpenMetrics for a reader that names it and likes it no less than text; text for everybody else, also for one
    /// that accepts neither: a scraper is better served with a page than with 406.
    /// </summary>
    public static PrometheusFormat Format(StringValues accept)
    {
        if (!MediaTypeHeaderValue.TryParseList(accept, out var ranges))
            return PrometheusFormat.Text;
        var openMetrics = Best(ranges, "application", "openmetrics-text", "1.0.0");
        var text = Best(ranges, "text", "plain", "0.0.4");
        return openMetrics.Named && openMetrics.Quality > 0 && openMetrics.Quality >= text.Quality
            ? PrometheusFormat.OpenMetrics
            : PrometheusFormat.Text;
    }

    /// <summary>True when the reader takes gzip.</summary>
    public static bool Gzip(StringValues acceptEncoding)
    {
        if (!StringWithQualityHeaderValue.TryParseList(acceptEncoding, out var codings))
            return false;
        double? any = null;
        double? gzip = null;
        foreach (var coding in codings)
        {
            var quality = coding.Quality ?? 1;
            if (coding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase)
                || coding.Value.Equals("x-gzip", StringComparison.OrdinalIgnoreCase))
            {
                gzip = Math.Max(gzip ?? 0, quality);
            }
            else if (coding.Value == "*")
            {
                any = quality;
            }
        }
        return (gzip ?? any ?? 0) > 0;
    }

    /// <summary>Quality of the most specific range that covers a type, and whether one names the type itself.</summary>
    private static (double Quality, bool Named) Best(
        IList<MediaTypeHeaderValue> ranges, string type, string subtype, string version)
    {
        var (quality, rank) = (0.0, -1);
        foreach (var range in ranges)
        {
            var rankOfRange = Rank(range, type, subtype, version);
            var qualityOfRange = range.Quality ?? 1;
            if (rankOfRange > rank || (rankOfRange == rank && rank >= 0 && qualityOfRange > quality))
                (quality, rank) = (qualityOfRange, rankOfRange);
        }
        return (quality, rank >= 2);
    }

    /// <summary>-1: does not cover it; 0: any type; 1: any subtype; 2: the type; 3: the type in this version.</summary>
    private static int Rank(MediaTypeHeaderValue range, string type, string subtype, string version)
    {
        if (range.MatchesAllTypes)
            return 0;
        if (!range.Type.Equals(type, StringComparison.OrdinalIgnoreCase))
            return -1;
        if (range.MatchesAllSubTypes)
            return 1;
        if (!range.SubType.Equals(subtype, StringComparison.OrdinalIgnoreCase))
            return -1;
        foreach (var parameter in range.Parameters)
        {
            if (parameter.Name.Equals("version", StringComparison.OrdinalIgnoreCase))
                return HeaderUtilities.RemoveQuotes(parameter.Value).Equals(version, StringComparison.Ordinal) ? 3 : -1;
        }
        return 2;
    }
}
