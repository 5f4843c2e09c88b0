using System.Diagnostics;
using Collector.Worker.Configuration;
using Collector.Worker.Memory;

namespace Collector.Worker.Collection;

/// <summary>
/// Runs the collections on a thread of their own, one per interval. A collection that takes longer than the interval
/// makes the next ones fall out; they are counted and never pile up.
/// </summary>
internal sealed class CollectionLoop(
    NodeCollector collector, AgentOptions options, IHostApplicationLifetime lifetime, ILogger<CollectionLoop> log)
    : IHostedService, IDisposable
{
    /// <summary>How long the first collection waits for the container runtime's first list.</summary>
    private static readonly TimeSpan FirstPods = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _wakeLock = new();

    /// <summary>Ends a rest: the interval is another, or the loop is to end. Lasts until it was needed.</summary>
    private CancellationTokenSource _wake = new();
    private long _interval = options.Collection.Interval.Ticks;
    private readonly MemoryReturn _memory = new();
    private Thread? _thread;
    private bool _disposed;
    private long _lastEnd = Stopwatch.GetTimestamp();

    /// <summary>Collections left out because one took too long.</summary>
    public long Missed { get; private set; }

    /// <summary>The reason why the loop ended by itself; null while it runs or after a stop.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>
    /// Time from one collection to the next. A change counts from the last one: it neither waits for the end of an hour
    /// nor makes one more.
    /// </summary>
    public TimeSpan Interval
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _interval));
        set
        {
            if (Interlocked.Exchange(ref _interval, value.Ticks) == value.Ticks)
                return;
            Wake();
        }
    }

    /// <summary>
    /// False when no collection ended for three intervals: the watchdog then lets systemd restart the agent.
    /// </summary>
    public bool Healthy =>
        Fault is null && Stopwatch.GetElapsedTime(Volatile.Read(ref _lastEnd))
            < (Interval * 3) + TimeSpan.FromSeconds(10);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "collection" };
        _thread.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        End();
        return Task.CompletedTask;
    }

    private void End()
    {
        _stop.Cancel();
        Wake();
    }

    private void Wake()
    {
        lock (_wakeLock)
            _wake.Cancel();
    }

    private void Run()
    {
        try
        {
            collector.Node.AwaitPods(FirstPods);
            var next = Stopwatch.GetTimestamp();
            var first = true;
            var stop = _stop.Token;
            while (!stop.IsCancellationRequested)
            {
                collector.CollectOnce();
                Volatile.Write(ref _lastEnd, Stopwatch.GetTimestamp());
                if (first)
                    ReportFirst();
                first = false;
                _memory.After(collector.Series, collector.Settled);
                next = WaitForNext(next, stop);
            }
        }
        catch (Exception e)
        {
            // A probe's exception never gets here: this is a fault of the program itself.
            Fault = e;
            Log.CollectionEnded(log, e.Message, e);
            lifetime.StopApplication();
        }
    }

    private long WaitForNext(long scheduled, CancellationToken stop)
    {
        var interval = InTicks();
        var next = scheduled + interval;
        var late = Stopwatch.GetTimestamp() - next;
        if (late >= 0)
        {
            var missed = 1 + (late / interval);
            Missed += missed;
            // What is later than the collection was long has another reason.
            var over = (long)(collector.LastDuration.TotalSeconds * Stopwatch.Frequency) - interval;
            if (over >= 0 && late - over < interval)
                Log.Overrun(log, collector.LastDuration.TotalSeconds, Missed);
            else
                Log.Halted(log, (double)(interval + late) / Stopwatch.Frequency, Missed);
            next += missed * interval;
        }
        while (!stop.IsCancellationRequested && Rest(next))
            next = Math.Max(scheduled + InTicks(), Stopwatch.GetTimestamp());
        return next;
    }

    private long InTicks() => (long)(Interval.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Waits; true when the interval changed meanwhile.</summary>
    private bool Rest(long until)
    {
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), until);
        if (wait > TimeSpan.Zero)
            collector.Node.Rest(wait, _wake.Token);
        lock (_wakeLock)
        {
            if (!_wake.IsCancellationRequested)
                return false;
            _wake.Dispose();
            _wake = new();
            return true;
        }
    }

    private void ReportFirst()
    {
        var age = ProcessStart.Age.TotalMilliseconds;
        var running = collector.Runners.Count(r => r.State == ProbeState.Running);
        var (series, namespaces) = (collector.Series, collector.Node.NamespaceCount);
        // Whoever reads that may ask for it: what else starts, the server above all, must have.
        lifetime.ApplicationStarted.Register(
            () => Log.FirstSnapshot(log, (long)age, series, namespaces, running));
    }

    // A host that could not start is disposed without being stopped: what the thread uses must outlive it.
    // The container disposes twice: once as the service that others ask for, once as a hosted one.
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        End();
        if (_thread is { IsAlive: true } && _thread != Thread.CurrentThread)
            _thread.Join(TimeSpan.FromSeconds(4));
        _stop.Dispose();
        _wake.Dispose();
    }
}
