using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Worker.Recorder;
using Collector.Worker.View;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Http.Api;

/// <summary>Reads the parameters of a request; the first thing that is wrong stands in <see cref="Problem"/>.</summary>
internal sealed class ApiQuery(IEnumerable<KeyValuePair<string, StringValues>> parameters, DateTimeOffset now)
{
    public const int LongestWindow = 3600;

    private const string Times =
        "an RFC 3339 time such as 2026-03-04T12:00:00Z, Unix seconds, or how long ago, such as 10m";

    private const int LongestText = 512;

    private readonly QueryParameters _given = new(parameters);
    private string _problem = "";

    /// <summary>One line that names the parameter and what it may be; "" while all is well.</summary>
    public string Problem => _given.Problem.Length > 0 ? _given.Problem : _problem;

    /// <summary>window: seconds, or the usual ones.</summary>
    public TimeSpan Window() => TimeSpan.FromSeconds(_given.One<int>(
        "window", TryWindow, $"a whole number of seconds from 1 to {LongestWindow}",
        (int)NodeView.UsualWindow.TotalSeconds));

    /// <summary>Unix nanoseconds; null where it is not given.</summary>
    public long? Time(string name) => _given.One<long?>(name, TryTime, Times, null);

    public string? Subject() => _given.One<string?>(
        "subject", TryText, "the id of a subject, as pods[].id", null);

    /// <summary>metric: one that there is.</summary>
    public IReadOnlyList<Metric> Metrics(IReadOnlyList<ProbeInfo> catalogue)
    {
        IReadOnlyList<Metric> metrics = _given.One<IReadOnlyList<Metric>>(
            "metric", (text, out found) => (found = [.. catalogue.SelectMany(p => p.Metrics)
                .Where(m => m.Name == text && !m.Hidden)]).Count > 0, "the name of a metric, as /api/v1/metrics has it",
            []);
        if (metrics.Count == 0)
            Fail("metric must be given: the name of a metric, as /api/v1/metrics has it");
        return metrics;
    }

    public IReadOnlyList<KeyValuePair<string, string>> Tags() =>
        _given.All<KeyValuePair<string, string>>("tag", TryTag, "an attribute and its value, key:value");

    public int Points() => _given.One<int>(
        "points", static (text, out value) => TryNumber(text, SeriesQuery.MostPoints, out value),
        $"a whole number from 1 to {SeriesQuery.MostPoints}", 300);

    /// <summary>Both given: the first has to be the earlier one.</summary>
    public void InOrder(long? from, long? to)
    {
        if (from >= to)
            Fail("from must be earlier than to");
    }

    /// <summary>Refuses what nobody has asked for.</summary>
    public bool End()
    {
        _given.End();
        return Problem.Length == 0;
    }

    public void Fail(string problem)
    {
        if (_problem.Length == 0)
            _problem = problem;
    }

    private static bool TryWindow(string text, out int seconds) => TryNumber(text, LongestWindow, out seconds);

    private static bool TryNumber(string text, int most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number >= 1 && number <= most;

    private static bool TryText(string text, out string? value) =>
        (value = text).Length is > 0 and <= LongestText;

    private static bool TryTag(string text, out KeyValuePair<string, string> tag)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        tag = colon > 0 ? new(text[..colon], text[(colon + 1)..]) : default;
        return colon > 0 && text.Length <= LongestText;
    }

    private bool TryTime(string text, out long? time)
    {
        time = null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds is > 0 and < 9_000_000_000)
            time = seconds * 1_000_000_000;
        else if (DurationText.TryParse(text, out var ago, out _) && now - DateTimeOffset.UnixEpoch > ago)
            time = (now - DateTimeOffset.UnixEpoch - ago).Ticks * 100;
        // A plus that was not escaped arrives as a blank.
        else if (PointInTime.TryParse(text.Replace(' ', '+'), out var at))
            time = at;
        return time is not null;
    }
}
