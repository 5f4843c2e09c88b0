using Collector.Core.Events;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// The thread behind the event thread, which looks up what an occurrence is about and writes it down: it may read
/// files and wait, and the event thread does not notice. What finds no room before it is counted.
/// </summary>
internal sealed class EventResolver(OccurrenceQueue? queue = null) : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly OccurrenceQueue _queue = queue ?? new();
    private readonly Lock _lock = new();
    private Thread? _thread;
    private volatile bool _stopping;
    private volatile string? _fault;

    /// <summary>Why the thread ended by itself; null otherwise.</summary>
    public string? Fault => _fault;

    /// <summary>Before the first record: the event thread does not start threads.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_thread is not null)
                return;
            _thread = new Thread(Run) { IsBackground = true, Name = "bpf-resolve" };
            _thread.Start();
        }
    }

    /// <summary>Takes a copy of a record; false when there is no room for it.</summary>
    public bool TryAdd(
        IOccurrenceReader reader, in EventKey key, bool admitted, long time, ReadOnlySpan<byte> record) =>
        _queue.TryAdd(reader, key, admitted, time, record);

    /// <summary>
    /// Waits until what was added before is resolved; not while nothing waits, and a tenth of the limit for what is of
    /// namespaces that any user can make.
    /// </summary>
    /// <returns>False where that takes longer, or the thread has ended.</returns>
    public bool Await(TimeSpan limit) => _thread is null || _thread == Thread.CurrentThread || _queue.Await(limit);

    private void Run()
    {
        try
        {
            while (_queue.TryTake(out var occurrence) && !_stopping)
            {
                occurrence.Reader.Resolve(occurrence);
                _queue.Return(occurrence);
            }
        }
        catch (Exception e)
        {
            // Who resolves catches what a record can cause: this is a fault of the program.
            _fault = $"the thread that describes events ended: {e.Message}";
            _queue.Close();
        }
    }

    /// <summary>Resolves what waits, for a moment.</summary>
    public void Dispose()
    {
        _queue.Close();
        if (_thread is null || _thread == Thread.CurrentThread || _thread.Join(Grace))
            return;
        _stopping = true;
        _thread.Join(Grace);
    }
}
