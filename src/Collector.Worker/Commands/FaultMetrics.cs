using Collector.Core.Metrics;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Commands;

/// <summary>Which numbers tell of a fault when they are not 0: what a first look is for.</summary>
internal static class FaultMetrics
{
    // Parts of names, the kernel's own words among them: in_errs, out_rsts, syn_retrans.
    private static readonly string[] Words =
    [
        "drop", "err", "fail", "retrans", "overflow", "abort", "reset", "rst", "timeout", "discard", "lost",
        "unreachable", "no_route", "squeeze", "invalid", "exceed", "pressure", "missed", "problem", "rejected",
    ];

    public static bool Has(SeriesPoint series) => series.Metric.Kind == InstrumentKind.Counter
        && Words.Any(w => LastPart(series.Metric.Name).Contains(w, StringComparison.Ordinal));

    // Of netlens.tcpretrans.segments all is one; the names of other probes are no words of theirs.
    private static string LastPart(string name) =>
        name.StartsWith("netlens.tcpretrans.", StringComparison.Ordinal) ? name : name[(name.IndexOf('.') + 1)..];
}
