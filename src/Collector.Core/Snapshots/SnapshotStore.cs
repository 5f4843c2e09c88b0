namespace Collector.Core.Snapshots;

/// <summary>
/// Holds the last complete snapshot. The collection thread publishes whole snapshots; any number of readers lease the
/// newest one and read it without a lock. Buffers are reused once nobody reads them.
/// </summary>
public sealed class SnapshotStore
{
    private readonly Lock _lock = new();
    private readonly List<Snapshot> _idle = [];
    private Snapshot? _current;
    private Func<TimeSpan>[] _readers = [];
    private TaskCompletionSource? _published;

    /// <summary>Slow occurrences for the rows of the collections to come.</summary>
    public ExemplarInbox Exemplars { get; } = new();

    /// <summary>The longest time that any reader lets pass between two snapshots that it takes.</summary>
    public TimeSpan LongestPause
    {
        get
        {
            var longest = TimeSpan.Zero;
            foreach (var pause in Volatile.Read(ref _readers))
            {
                var one = pause();
                longest = one > longest ? one : longest;
            }
            return longest;
        }
    }

    /// <summary>Announces a reader that does not take every snapshot.</summary>
    /// <param name="pause">
    /// How long it may let pass between two at present; zero while it reads none. Asked with each collection, on its
    /// thread.
    /// </param>
    public void AddReader(Func<TimeSpan> pause)
    {
        lock (_lock)
            _readers = [.. _readers, pause];
    }

    /// <summary>Completes when the next snapshot is published.</summary>
    public Task NextPublished
    {
        get
        {
            // Made for who waits: without readers a collection allocates nothing.
            lock (_lock)
                return (_published ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>
    /// The newest snapshot, kept unchanged until the lease is disposed. Empty before the first collection.
    /// </summary>
    public SnapshotLease Acquire()
    {
        lock (_lock)
        {
            _current?.Retain();
            return new SnapshotLease(_current);
        }
    }

    /// <summary>An empty snapshot to fill: a retired one where no reader holds it any more.</summary>
    internal Snapshot Rent()
    {
        lock (_lock)
        {
            for (var i = 0; i < _idle.Count; i++)
            {
                var snapshot = _idle[i];
                if (snapshot.InUse)
                    continue;
                _idle.RemoveAt(i);
                snapshot.Clear();
                return snapshot;
            }
        }
        return new Snapshot();
    }

    internal void Publish(Snapshot snapshot)
    {
        TaskCompletionSource? published;
        lock (_lock)
        {
            if (_current is not null)
                _idle.Add(_current);
            DropSpare();
            _current = snapshot;
            published = _published;
            _published = null;
        }
        published?.SetResult();
    }

    // More than two spare buffers mean that slow readers came and went: let the GC have the rest. Those that are read
    // come back.
    private void DropSpare()
    {
        var spare = 0;
        for (var i = _idle.Count - 1; i >= 0; i--)
        {
            if (!_idle[i].InUse && ++spare > 2)
                _idle.RemoveAt(i);
        }
    }
}

/// <summary>A reader's hold on a snapshot.</summary>
public readonly struct SnapshotLease : IDisposable
{
    internal SnapshotLease(Snapshot? snapshot) => Snapshot = snapshot;

    /// <summary>Null before the first collection.</summary>
    public Snapshot? Snapshot { get; }

    public void Dispose() => Snapshot?.Release();
}
