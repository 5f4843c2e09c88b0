using System.Collections.Concurrent;
using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// The bounded queue before an outlet and the thread behind it. What finds the queue full is dropped and counted:
/// whoever publishes never waits. Counted is every event: offered = delivered + failed + dropped + still queued.
/// </summary>
internal sealed class OutletQueue : IDisposable
{
    /// <summary>
    /// Events handed to an outlet at once at most. With the deepest stacks that is a request of some 1.5 MiB; gRPC
    /// servers refuse 4.
    /// </summary>
    public const int LargestBatch = 256;

    private readonly BlockingCollection<NetworkEvent> _queue = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly NetworkEvent[] _batch;
    private readonly IEventOutlet _outlet;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private volatile int _capacity;
    private int _held;
    private long _offered;
    private long _delivered;
    private long _dropped;
    private long _failed;
    private bool _started;
    private bool _disposed;

    public OutletQueue(IEventOutlet outlet, int capacity, ILogger log)
    {
        _outlet = outlet;
        _log = log;
        _capacity = capacity;
        _batch = new NetworkEvent[Math.Min(capacity, LargestBatch)];
        // In the background: an outlet that hangs must not keep the process.
        _thread = new Thread(Run) { Name = $"events {outlet.Name}", IsBackground = true };
    }

    public string Name => _outlet.Name;

    /// <summary>Events that may wait.</summary>
    public int Capacity
    {
        get => _capacity;
        set
        {
            _capacity = value;
            if (_outlet is ISpoolingOutlet spooling)
                spooling.Queue = value;
        }
    }

    /// <summary>Events that have arrived.</summary>
    public long Delivered => Kept?.Delivered ?? Interlocked.Read(ref _delivered);

    /// <summary>Events that found the queue full or closed.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Events that the outlet could not deliver.</summary>
    public long Failed => Interlocked.Read(ref _failed) + (Kept?.Refused ?? 0);

    /// <summary>Events that the outlet has not taken yet.</summary>
    public long Waiting => Interlocked.Read(ref _offered) - Interlocked.Read(ref _delivered) - Dropped
        - Interlocked.Read(ref _failed);

    /// <summary>What became of events that the outlet took over to deliver later; null where it does not.</summary>
    public SpoolFigures? Kept => (_outlet as ISpoolingOutlet)?.Figures;

    /// <summary>Begins to deliver, unless it does already.</summary>
    public void Start()
    {
        lock (_thread)
        {
            if (_started || _disposed)
                return;
            _started = true;
            _thread.Start();
        }
    }

    /// <summary>
    /// Takes an event, or counts it as dropped where the queue is full: a quarter of it for namespaces that any user
    /// can make, the rest is for others. Never waits and never throws. False where the queue is closed, and nothing
    /// was counted.
    /// </summary>
    public bool TryOffer(NetworkEvent e)
    {
        if (!_outlet.Takes(e))
            return true;
        Interlocked.Increment(ref _offered);
        if (Interlocked.Increment(ref _held) > (e.Rootless ? Math.Max(1, _capacity / 4) : _capacity))
        {
            Interlocked.Decrement(ref _held);
            Interlocked.Increment(ref _dropped);
            return true;
        }
        if (TryAdd(e))
            return true;
        Interlocked.Decrement(ref _held);
        Interlocked.Decrement(ref _offered);
        return false;
    }

    /// <summary>Counts an event that came when it was closed.</summary>
    public void Drop()
    {
        Interlocked.Increment(ref _offered);
        Interlocked.Increment(ref _dropped);
    }

    /// <summary>Takes no more; the thread ends when the queue is empty.</summary>
    public void Close() => _queue.CompleteAdding();

    /// <summary>Waits until the queue is empty, at most until the token fires; then gives up the rest.</summary>
    public async Task DrainAsync(CancellationToken deadline)
    {
        if (_started)
            await _ended.Task.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_disposed)
            await _stop.CancelAsync();
    }

    /// <summary>Ends the thread, unless the outlet hangs: then it goes with the process.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _queue.CompleteAdding();
        _stop.Cancel();
        // One that has told its end needs nothing but a processor, which may be busy: else its outlet would be kept.
        var patience = _ended.Task.IsCompleted ? TimeSpan.FromSeconds(10) : TimeSpan.FromMilliseconds(200);
        var ended = !_started || _thread.Join(patience);
        if (Waiting > 0)
            EventLog.Undelivered(_log, Waiting, Name);
        if (!ended)
            return; // It still uses what would be disposed.
        _outlet.Dispose();
        _queue.Dispose();
        _stop.Dispose();
    }

    private bool TryAdd(NetworkEvent e)
    {
        try
        {
            return !_queue.IsAddingCompleted && _queue.TryAdd(e);
        }
        catch (InvalidOperationException)
        {
            return false; // Closed or disposed in between.
        }
    }

    private void Run()
    {
        Deliver(0);
        try
        {
            while (_queue.TryTake(out var e, Timeout.Infinite, _stop.Token))
            {
                var count = 0;
                do
                    _batch[count++] = e;
                while (count < _batch.Length && _queue.TryTake(out e));
                Interlocked.Add(ref _held, -count);
                Deliver(count);
                Array.Clear(_batch, 0, count);
            }
            _outlet.Finish(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Out of time: what is left stays counted as waiting, and Dispose tells how many.
        }
        _ended.SetResult();
    }

    private void Deliver(int count)
    {
        var done = 0;
        try
        {
            done = Math.Clamp(_outlet.Write(_batch.AsSpan(0, count), _stop.Token), 0, count);
        }
        catch (Exception e)
        {
            // Outlets do not throw for what can happen: a fault of the program must not end its thread either.
            EventLog.OutletFault(_log, Name, e);
        }
        Interlocked.Add(ref _delivered, done);
        Interlocked.Add(ref _failed, count - done);
    }
}
