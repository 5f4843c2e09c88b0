using System.Collections.Concurrent;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Pods;

/// <summary>What the search for pods did; written by its own task, read by the collection.</summary>
internal sealed class PodStatistics
{
    private readonly Lock _lock = new();
    private NanosecondHistogram _resolved;

    /// <summary>True while the runtime answers.</summary>
    public bool Connected { get; set; }

    public ConcurrentDictionary<string, long> Calls { get; } = new();

    public ConcurrentDictionary<(string Method, string Reason), long> Failures { get; } = new();

    public ConcurrentDictionary<string, long> Rejected { get; } = new();

    /// <summary>Nanoseconds that the answers took, summed.</summary>
    public ConcurrentDictionary<string, long> CallTime { get; } = new();

    public void Called(string method, TimeSpan took)
    {
        Add(Calls, method, 1);
        Add(CallTime, method, took.Ticks * 100);
    }

    public void Failed(string method, string reason) => Add(Failures, (method, reason), 1);

    public void Reject(string reason) => Add(Rejected, reason, 1);

    /// <summary>From the first sign of a pod to its identity.</summary>
    public void Resolved(TimeSpan took)
    {
        var ns = took.Ticks * 100;
        lock (_lock)
        {
            var slot = 0;
            while (slot < NanosecondHistogram.SlotCount - 1 && ns > 1L << (NanosecondHistogram.FirstBit + slot))
                slot++;
            _resolved.Slots[slot]++;
            _resolved.Sum += ns;
        }
    }

    public NanosecondHistogram ResolveDuration
    {
        get
        {
            lock (_lock)
                return _resolved;
        }
    }

    private static void Add<T>(ConcurrentDictionary<T, long> counts, T key, long value) where T : notnull =>
        counts.AddOrUpdate(key, value, (_, before) => before + value);
}
