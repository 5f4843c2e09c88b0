using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Collection;

namespace Collector.Worker.Agent;

internal enum ReloadResult
{
    /// <summary>All of it is in force.</summary>
    Applied,

    /// <summary>Some sections stay as they were.</summary>
    Partial,

    /// <summary>It has errors: nothing changed.</summary>
    Refused,
}

/// <summary>A reload that is over.</summary>
internal sealed record Reload(
    DateTimeOffset Time, ReloadResult Result, IReadOnlyList<string> Changed, IReadOnlyList<string> Errors);

/// <summary>What became of the configuration since the start. Written by the reloader, read by anyone.</summary>
internal sealed class ReloadStatus(TimeProvider time)
{
    public static IReadOnlyList<string> Results { get; } = ["applied", "partial", "refused"];

    private readonly long[] _counts = new long[Results.Count];
    private long _lastSuccess = SnapshotBuilder.UnixNanoseconds(time.GetUtcNow());
    private volatile Reload? _last;

    /// <summary>Null while there was none.</summary>
    public Reload? Last => _last;

    public void Note(ReloadResult result, IReadOnlyList<string> changed, IReadOnlyList<string> errors)
    {
        var now = time.GetUtcNow();
        if (result == ReloadResult.Applied)
            Volatile.Write(ref _lastSuccess, SnapshotBuilder.UnixNanoseconds(now));
        Interlocked.Increment(ref _counts[(int)result]);
        _last = new(now, result, changed, errors);
    }

    public IEnumerable<SelfFigure> Figures()
    {
        for (var i = 0; i < Results.Count; i++)
        {
            var result = i;
            yield return new(new Metric
            {
                Name = "netlens.config.reloads", Unit = "{reload}", Kind = InstrumentKind.Counter,
                Description = "Reloads of the configuration: applied whole, in part, or refused.",
                Tags = [new("netlens.config.result", Results[i])],
            }, () => Volatile.Read(ref _counts[result]));
        }
        yield return SelfFigures.UpDown("netlens.config.last_reload.successful", Units.One,
            "1 while the configuration file is in force; 0 after a reload that was refused or applied in part.",
            () => Last is null or { Result: ReloadResult.Applied } ? 1 : 0);
        yield return SelfFigures.Gauge("netlens.config.last_success",
            "Unix time at which the configuration in force was last taken over whole: the start or a reload.",
            () => Volatile.Read(ref _lastSuccess));
    }
}
