using Collector.Core.Events;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Spool;

/// <summary>
/// Before a backend: while it is away, or too slow, events wait on disk and are delivered in order when it is back,
/// also by a later run. While it takes what comes, nothing is written.
/// </summary>
/// <remarks>
/// Older events are on the disk, newer ones in memory; the oldest of either are being sent. What is being sent from
/// memory stays there until it has arrived, or goes to the disk with all the others.
/// </remarks>
internal sealed class SpooledOutlet : ISpoolingOutlet
{
    /// <summary>What is in memory for longer goes to the disk; so often the disk is looked after.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>So soon it is seen that the outlet is to end.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private static readonly RetryPolicy DefaultRetry = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));

    private readonly object _gate = new();
    private readonly Queue<NetworkEvent> _memory = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IRemoteOutlet _remote;
    private readonly SpoolDisk _disk;
    private readonly RemoteLog _said;
    private readonly RetryPolicy _retry;
    private readonly TimeProvider _time;
    private readonly Thread _sender;
    private readonly ILogger _log;
    private volatile int _most;
    private ITimer? _timer;
    private int _sendingOfMemory;
    private SpoolBatch? _sendingOfDisk;
    private long _sendingSince;
    private int _failures;
    private long _failedAt;
    private TimeSpan _pause;
    private bool _ended;

    /// <param name="remote">Is disposed with it.</param>
    /// <param name="settings">Where and how much may wait.</param>
    /// <param name="queue">Events that may wait in memory; from half of it on they go to the disk.</param>
    /// <param name="log">Gets the few lines that there are.</param>
    /// <param name="time">Measures waits, and says when events came to the disk.</param>
    /// <param name="retry">Waits between attempts; null takes 1 to 10 s.</param>
    public SpooledOutlet(
        IRemoteOutlet remote, SpoolSettings settings, int queue, ILogger log, TimeProvider time,
        RetryPolicy? retry = null)
    {
        (_remote, _log, _time, _retry) = (remote, log, time, retry ?? DefaultRetry);
        Queue = queue;
        Figures = new() { Folder = Path.Combine(settings.Folder, remote.Name) };
        _disk = new(Figures.Folder, settings, Figures, log, time);
        _said = new(remote, $"until they can be, they wait in {_disk.Folder}", log);
        _sender = new Thread(Run) { Name = $"events {remote.Name} sender", IsBackground = true };
    }

    public string Name => _remote.Name;

    public SpoolFigures Figures { get; }

    public int Queue
    {
        set => _most = Math.Max(1, value / 2);
    }

    private bool Failing => _failures > 0;

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        lock (_gate)
        {
            if (_timer is null)
                Begin();
            if (batch.IsEmpty)
                return 0;
            if ((Failing || !_disk.IsEmpty || _memory.Count + batch.Length > _most) && ToDisk(batch))
                return batch.Length;
            foreach (var e in batch)
                _memory.Enqueue(e);
            Figures.Take(batch.Length);
            Monitor.PulseAll(_gate);
            // Without a disk the queue in front has to hold back, and to drop.
            while (_memory.Count > _most && !stop.IsCancellationRequested)
                Monitor.Wait(_gate, Step);
            return batch.Length;
        }
    }

    /// <summary>Has what is in memory sent, as long as the backend takes it; the rest goes to the disk.</summary>
    public void Finish(CancellationToken stop)
    {
        lock (_gate)
        {
            while (_memory.Count > 0 && !Failing && !stop.IsCancellationRequested)
                Monitor.Wait(_gate, Step);
            ToDisk([]);
        }
    }

    public void Dispose()
    {
        TimeSpan patience;
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
            // A sender that is not with the backend needs nothing but a processor, which may be busy: else the folder
            // would stay its.
            patience = IsSending ? Tick : 10 * Tick;
            _timer?.Dispose();
            ToDisk([]);
            Monitor.PulseAll(_gate);
        }
        _stop.Cancel();
        if (_sender.IsAlive && !_sender.Join(patience))
            return; // It hangs, and goes with the process; what it holds is on the disk.
        if (_memory.Count > 0)
        {
            EventLog.Undelivered(_log, _memory.Count, Name);
            Figures.Settle(new(_memory.Count, _memory.Count));
        }
        _disk.Dispose();
        _remote.Dispose();
        _stop.Dispose();
    }

    private void Begin()
    {
        _disk.TryOpen();
        _timer = _time.CreateTimer(_ => LookAfter(), null, Tick, Tick);
        _sender.Start();
    }

    // What waits for a server that does not answer must survive a kill.
    private void LookAfter()
    {
        lock (_gate)
        {
            if (_ended)
                return;
            if (_memory.Count > 0 && (Failing || (IsSending && _time.GetElapsedTime(_sendingSince) >= Tick)))
                ToDisk([]);
            // What an earlier run, or the outlet before this one, left there goes first. What is being sent is not on
            // it.
            if (!_disk.IsOpen && !IsSending && _disk.TryOpen())
                Monitor.PulseAll(_gate);
            _disk.Sync();
        }
    }

    private bool IsSending => _sendingOfMemory > 0 || _sendingOfDisk is not null;

    /// <summary>Puts all that is in memory, and then a batch, behind what is on the disk.</summary>
    private bool ToDisk(ReadOnlySpan<NetworkEvent> batch)
    {
        // There may be older ones on a disk that opens now: these would not be the first.
        if (!_disk.IsOpen && _sendingOfMemory > 0)
            return false;
        NetworkEvent[] taken = _disk.IsCrowded ? [.. batch.ToArray().Where(static e => !e.Rootless)] : [.. batch];
        if (_memory.Count + batch.Length == 0 || !_disk.TryAppend([.. _memory, .. taken]))
            return false;
        Figures.Take(batch.Length);
        Figures.Lose(SpoolLoss.Size, batch.Length - taken.Length);
        // These are the first on the disk now: nothing is there while something is sent from memory.
        if (_sendingOfMemory > 0)
            _sendingOfDisk = _disk.Read(_sendingOfMemory);
        _sendingOfMemory = 0;
        _memory.Clear();
        Monitor.PulseAll(_gate);
        return true;
    }

    private void Run()
    {
        while (Next() is { } batch)
        {
            SendResult result;
            try
            {
                result = _remote.Send(batch, _stop.Token);
            }
            catch (Exception e)
            {
                // Outlets do not throw for what can happen, and the same would happen again.
                EventLog.OutletFault(_log, Name, e);
                result = new(batch.Length, batch.Length, e.Message);
            }
            Sent(result, batch.Length);
        }
    }

    /// <summary>What is to be sent next, once there is something and the backend may be asked; null: the end.</summary>
    private NetworkEvent[]? Next()
    {
        lock (_gate)
        {
            while (!_ended)
            {
                var wait = Failing ? _pause - _time.GetElapsedTime(_failedAt) : TimeSpan.Zero;
                if (wait > TimeSpan.Zero)
                    Monitor.Wait(_gate, wait < Tick ? wait : Tick);
                else if (Take() is { } batch)
                    return batch;
                else if (_memory.Count == 0 && _disk.IsEmpty)
                    Monitor.Wait(_gate, Tick);
            }
            return null;
        }
    }

    private NetworkEvent[]? Take()
    {
        _sendingSince = _time.GetTimestamp();
        if (!_disk.IsEmpty)
        {
            var batch = _disk.Read(OutletQueue.LargestBatch);
            if (batch.Count == 0)
            {
                _disk.Settle(batch, 0);
                return null;
            }
            _sendingOfDisk = batch;
            return batch.ToArray();
        }
        _sendingOfMemory = Math.Min(_memory.Count, OutletQueue.LargestBatch);
        return _sendingOfMemory == 0 ? null : [.. _memory.Take(_sendingOfMemory)];
    }

    private void Sent(in SendResult result, int offered)
    {
        lock (_gate)
        {
            Figures.Settle(result);
            if (_sendingOfDisk is { } batch)
                _disk.Settle(batch, result.Settled);
            for (var i = 0; _sendingOfMemory > 0 && i < result.Settled; i++)
                _memory.Dequeue();
            (_sendingOfDisk, _sendingOfMemory) = (null, 0);
            if (!_stop.IsCancellationRequested)
                _said.Tell(result, offered);
            if (result.Settled == offered)
                _failures = 0;
            else
                Failed(result);
            Monitor.PulseAll(_gate);
        }
    }

    private void Failed(in SendResult result)
    {
        _failures = result.Settled > 0 ? 1 : _failures + 1;
        _failedAt = _time.GetTimestamp();
        _pause = _retry.Wait(Math.Min(_failures, 16));
        if (result.RetryAfter is { } asked && asked > _pause)
            _pause = asked < OtlpClient.LongestPause ? asked : OtlpClient.LongestPause;
        if (!_ended)
            ToDisk([]);
    }
}
