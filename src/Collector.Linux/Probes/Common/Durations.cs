using System.Globalization;

namespace Collector.Linux.Probes.Common;

/// <summary>Durations as messages of events say them.</summary>
internal static class Durations
{
    /// <summary>Nanoseconds as milliseconds, with one to three places: <c>12.3</c>.</summary>
    public static string Milliseconds(long nanoseconds) =>
        (nanoseconds / 1e6).ToString("0.0##", CultureInfo.InvariantCulture);
}
