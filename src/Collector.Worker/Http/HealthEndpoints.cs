using System.Globalization;
using Collector.Core.Snapshots;

namespace Collector.Worker.Http;

/// <summary>
/// /healthz: collections come round, or a restart would help. /readyz: its numbers are fresh and its threads run.
/// </summary>
internal sealed class HealthEndpoints(NetlensHttp http)
{
    /// <summary>Collections that may be missed before the agent stops calling itself ready.</summary>
    private const int StaleIntervals = 3;

    /// <summary>
    /// Seconds that they may take all the same: a collection that a busy node stretches, the first one or one that
    /// meets a hundred namespaces, takes more than three of the shortest intervals.
    /// </summary>
    private const double LeastLimit = 10;

    private const string Hangs = "the collection does not come round\n";

    public Task Alive(HttpContext context) => http.Alive()
        ? PlainText.WriteAsync(context, StatusCodes.Status200OK, "ok\n")
        : PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, Hangs);

    public Task Ready(HttpContext context) => WhyNot() is { } reason
        ? PlainText.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, reason)
        : PlainText.WriteAsync(context, StatusCodes.Status200OK, "ready\n");

    private string? WhyNot()
    {
        if (http.Fault() is { } fault)
            return $"{fault}\n";
        using var lease = http.Store.Acquire();
        if (lease.Snapshot is not { } snapshot)
            return "no snapshot yet: the first collection is under way\n";
        var age = (SnapshotBuilder.MomentOf(http.Time) - snapshot.Moment) / 1e9;
        var limit = Math.Max(StaleIntervals * http.Options().Collection.Interval.TotalSeconds, LeastLimit);
        return age <= limit
            ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"the last snapshot is {age:F0} s old; {limit:F0} s is the limit\n");
    }
}
