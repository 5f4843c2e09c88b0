using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Pods;

/// <summary>What the search for pods did; written by its own task, read by the collection.</summary>
internal sealed class PodStatistics
{
    private readonly Lock _lock = new();
    private NanosecondHistogram _resolved;

    /// <summary>True while the runtime answers.</summary>
    public bool Connected { get; set; }

    public Tally<string> Calls { get; } = new();

    public Tally<(string Method, string Reason)> Failures { get; } = new();

    public Tally<string> Rejected { get; } = new();

    /// <summary>Nanoseconds that the answers took, summed.</summary>
    public Tally<string> CallTime { get; } = new();

    public void Called(string method, TimeSpan took)
    {
        Calls.Add(method, 1);
        CallTime.Add(method, took.Ticks * 100);
    }

    public void Failed(string method, string reason) => Failures.Add((method, reason), 1);

    public void Reject(string reason) => Rejected.Add(reason, 1);

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
}
