using Collector.Core.Events;

namespace Ebpf.Tests.Bpf;

/// <summary>Limits as the agent does, counts what gets through, and can hold up who publishes.</summary>
internal sealed class LimitedSink(int burst) : IEventSink, IDisposable
{
    private readonly EventLimiter _limiter = new(burst, TimeSpan.FromSeconds(1), TimeProvider.System);
    private readonly ManualResetEventSlim _open = new(initialState: true);
    private long _asked;
    private long _published;

    /// <summary>Events that the event thread asked about.</summary>
    public long Asked => Interlocked.Read(ref _asked);

    public long Published => Interlocked.Read(ref _published);

    public long HeldBackCount => _limiter.HeldBack;

    /// <summary>Bytes that the thread which asks had allocated when it asked last.</summary>
    public long AllocatedByAsker { get; private set; }

    public bool Admit(in EventKey key, long time)
    {
        Interlocked.Increment(ref _asked);
        AllocatedByAsker = GC.GetAllocatedBytesForCurrentThread();
        return _limiter.Admit(key, time);
    }

    public void Publish(in EventKey key, NetworkEvent e)
    {
        _open.Wait();
        Interlocked.Increment(ref _published);
    }

    public void HeldBack(in EventKey key, long count) => _limiter.HoldBack(key, count);

    /// <summary>Whoever publishes waits from now on.</summary>
    public void Block() => _open.Reset();

    public void Unblock() => _open.Set();

    public void Dispose() => _open.Dispose();
}
