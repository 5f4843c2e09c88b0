using Collector.Core.Snapshots;
using Collector.Linux.Kernel;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Pushes each new snapshot. It only reads snapshots: a backend that is slow or gone makes it skip some, and neither
/// delays the collection nor piles anything up. When the host stops, the newest snapshot is sent once more, within
/// <see cref="FlushTime"/>.
/// </summary>
public sealed class OtlpMetricExporter : BackgroundService
{
    /// <summary>Time for the last push: the host has two seconds from SIGTERM to its end.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(1);

    private readonly SnapshotStore _store;
    private readonly OtlpStatistics _statistics;
    private readonly TimeProvider _time;
    private readonly ILogger<OtlpMetricExporter> _log;
    private readonly string _version;
    private readonly RetryPolicy? _retry;
    private readonly LogGate _failures;
    private readonly LogGate _rejections;
    private readonly CancellationTokenSource _abort;
    private readonly SemaphoreSlim _changed = new(0);
    private OtlpTarget _target;
    private OtlpTarget? _next;
    private SnapshotEncoder _encoder = null!; // Made with the first target that something is sent to.
    private long _lastTick;
    private long? _lastMoment;
    private bool _failing;
    private TooLarge? _tooLarge;

    /// <param name="store">Where the collection publishes.</param>
    /// <param name="settings">Without <c>Metrics.Enabled</c> nothing is sent until a change.</param>
    /// <param name="resource">The same as the SDK's providers have; null where nothing is sent.</param>
    /// <param name="version">Version of Netlens: instrumentation scope and user agent.</param>
    /// <param name="statistics">Outlives the exporter, so that a reload does not reset its counters.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Says what fails, at most once a minute.</param>
    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public OtlpMetricExporter(
        SnapshotStore store, OtlpSettings settings, ResourceAttributes? resource, string version,
        OtlpStatistics statistics, TimeProvider time, ILogger<OtlpMetricExporter> log)
        : this(store, settings, resource, version, statistics, time, log, null)
    {
    }

    internal OtlpMetricExporter(
        SnapshotStore store, OtlpSettings settings, ResourceAttributes? resource, string version,
        OtlpStatistics statistics, TimeProvider time, ILogger<OtlpMetricExporter> log, RetryPolicy? retry)
    {
        _store = store;
        _statistics = statistics;
        _time = time;
        _log = log;
        _version = version;
        _retry = retry;
        _failures = new LogGate(time, TimeSpan.FromMinutes(1));
        _rejections = new LogGate(time, TimeSpan.FromMinutes(1));
        _target = new(settings, resource, null);
        TakeOver(Prepare(settings, resource));
        store.AddReader(LongestPause);
        _abort = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
    }

    /// <summary>Another time than <see cref="FlushTime"/> for the last push.</summary>
    internal TimeSpan Flush { get; init; } = FlushTime;

    public override void Dispose()
    {
        base.Dispose();
        _target.Client?.Dispose();
        Interlocked.Exchange(ref _next, null)?.Client?.Dispose();
        // Not _changed, which holds nothing: a reload may come later still.
        _abort.Dispose();
    }

    /// <summary>
    /// Sends to another place, or in another way, from the next push on; one under way ends as it began. What was sent
    /// is not sent again.
    /// </summary>
    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public void Reconfigure(OtlpSettings settings, ResourceAttributes? resource)
    {
        Interlocked.Exchange(ref _next, Prepare(settings, resource))?.Client?.Dispose();
        _changed.Release();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var registration = stoppingToken.Register(() => _abort.CancelAfter(Flush));
        while (!stoppingToken.IsCancellationRequested)
        {
            // Asked for before looking, so that a snapshot published in between is not missed.
            var next = _store.NextPublished;
            await PushNewestAsync(final: false).ConfigureAwait(false);
            await (_target.Client is null ? RestAsync(stoppingToken) : next.WaitAsync(stoppingToken))
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await PushNewestAsync(final: true).ConfigureAwait(false);
    }

    // Without a backend it is not woken by each snapshot.
    private async Task RestAsync(CancellationToken stop)
    {
        await _changed.WaitAsync(stop).ConfigureAwait(false);
        if (Interlocked.Exchange(ref _next, null) is { } next)
            TakeOver(next);
        // What was published until now is nobody's.
        using var lease = _store.Acquire();
        _lastTick = lease.Snapshot?.Tick ?? 0;
    }

    private TimeSpan LongestPause() =>
        _target.Client is null ? TimeSpan.Zero : _target.Settings.Interval + _target.Settings.Metrics.Timeout;

    private OtlpTarget Prepare(OtlpSettings settings, ResourceAttributes? resource) => new(
        settings, resource,
        settings.Metrics.Enabled ? new OtlpClient(settings.Metrics, _version, _time, _retry) : null);

    // What was counted up to now stays on the rows: under delta temporality the next differences are to it.
    private void TakeOver(OtlpTarget next)
    {
        var before = _target;
        _target = next;
        before.Client?.Dispose();
        if (next.Client is null)
            return;
        _failing = false;
        _tooLarge = null;
        _failures.Reset();
        if (_encoder is null || !Equals(next.Resource, before.Resource)
            || next.Settings.Temporality != before.Settings.Temporality)
        {
            var since = SnapshotBuilder.UnixNanoseconds(_time.GetUtcNow());
            _encoder = new(next.Resource!, _version, next.Settings.Temporality, since, next.Settings.MaxRequestBytes);
        }
        _encoder.MaxRequestBytes = next.Settings.MaxRequestBytes;
        OtlpLog.Started(_log, next.Settings.Metrics);
    }

    private async Task PushNewestAsync(bool final)
    {
        using var lease = _store.Acquire();
        if (lease.Snapshot is not { } snapshot || snapshot.Tick == _lastTick)
            return;
        if (Interlocked.Exchange(ref _next, null) is { } next)
            TakeOver(next);
        if (_target.Client is null)
        {
            // Nobody misses it: neither is it skipped, nor sent to whoever comes later.
            _lastTick = snapshot.Tick;
            return;
        }
        if (!final && !IsDue(snapshot))
            return;
        if (_target.Settings.Interval == TimeSpan.Zero && _lastTick > 0)
            _statistics.Skipped(snapshot.Tick - _lastTick - 1);
        _lastTick = snapshot.Tick;
        _lastMoment = snapshot.Moment;
        if (_target.Client!.Throttled)
        {
            _statistics.Skipped(1);
            return;
        }
        await PushAsync(snapshot).ConfigureAwait(false);
    }

    /// <summary>A tenth early is in time: collections do not start to the microsecond.</summary>
    private bool IsDue(Snapshot snapshot) =>
        _lastMoment is not { } last || snapshot.Moment - last >= _target.Settings.Interval.Ticks * 90;

    private async Task PushAsync(Snapshot snapshot)
    {
        var began = _time.GetTimestamp();
        var (duplicates, oversized) = (_encoder.Duplicates, _encoder.Oversized);
        var (retries, bytes) = (_target.Client!.Retries, _target.Client!.BytesSent);
        var whole = true;
        var cpu = ThreadClock.CpuNanoseconds();
        _encoder.Begin(snapshot);
        Encoded(cpu);
        try
        {
            while (TryEncode())
            {
                var result = await _target.Client!.SendAsync(_encoder.Request, _abort.Token).ConfigureAwait(false);
                if (result.TooLarge && Halve(result.Detail))
                    continue;
                Note(result);
                if (result.Accepted)
                    continue;
                whole = false;
                // Another request to a server that cannot be had would only wait in the same way, and one that finds
                // the least too large would find so of each.
                if (!result.TooLarge && result.Failure is OtlpFailure.Refused or OtlpFailure.BadResponse)
                    continue;
                GiveUpRest();
            }
        }
        finally
        {
            cpu = ThreadClock.CpuNanoseconds();
            _encoder.End();
            Encoded(cpu);
            _statistics.Add(
                _encoder.Duplicates - duplicates, _encoder.Oversized - oversized,
                _target.Client!.Retries - retries, _target.Client!.BytesSent - bytes);
            _statistics.Exported(whole, _time.GetElapsedTime(began));
        }
    }

    /// <summary>False where the server takes no size at all; the next snapshot begins anew with the largest.</summary>
    private bool Halve(string detail)
    {
        _tooLarge ??= new(_encoder.Request.Length, detail, _encoder.MaxRequestBytes);
        if (_encoder.Halve())
            return true;
        _encoder.MaxRequestBytes = _tooLarge.Most;
        _tooLarge = null;
        return false;
    }

    private void SaySize(TooLarge refused)
    {
        _tooLarge = null;
        var advice = _target.Settings.Metrics.Gzip
            ? ""
            : "; otlp.compression: gzip makes requests several times smaller";
        OtlpLog.Split(
            _log, refused.Bytes, refused.Detail, _encoder.Request.Length, _encoder.MaxRequestBytes, advice);
    }

    private void GiveUpRest()
    {
        while (TryEncode())
            _statistics.Unsent(_encoder.Points);
    }

    private bool TryEncode()
    {
        var cpu = ThreadClock.CpuNanoseconds();
        var more = _encoder.TryNext();
        Encoded(cpu);
        return more;
    }

    private void Encoded(long since) => _statistics.Encoded(ThreadClock.CpuNanoseconds() - since);

    private void Note(in OtlpResult result)
    {
        var points = _encoder.Points;
        if (result.Failure is { } failure)
        {
            _statistics.Failed(failure, points, _encoder.Request.Length);
            _failing = true;
            if (_failures.TryPass(out var suppressed))
                OtlpLog.Failed(_log, points, OtlpStatistics.Reasons[(int)failure], result.Detail, suppressed);
            return;
        }
        _encoder.Accept();
        var now = SnapshotBuilder.UnixNanoseconds(_time.GetUtcNow());
        _statistics.Accepted(points, result.Rejected, _encoder.Request.Length, now);
        if (_failing)
        {
            _failing = false;
            _failures.Reset();
            OtlpLog.Recovered(_log);
        }
        if (_tooLarge is not null)
            SaySize(_tooLarge);
        SayPartial(result, points);
    }

    private void SayPartial(in OtlpResult result, int points)
    {
        if ((result.Rejected == 0 && result.Detail.Length == 0) || !_rejections.TryPass(out var like))
            return;
        if (result.Rejected == 0)
            OtlpLog.Remark(_log, points, result.Detail, like);
        else
            OtlpLog.Rejected(_log, result.Rejected, points, result.Detail is "" ? "no reason" : result.Detail, like);
    }

    /// <summary>Where it is sent to, and how.</summary>
    private sealed record OtlpTarget(OtlpSettings Settings, ResourceAttributes? Resource, OtlpClient? Client);

    /// <summary>The first refusal of a request for its size, until a smaller one is taken.</summary>
    private sealed record TooLarge(int Bytes, string Detail, int Most);
}
