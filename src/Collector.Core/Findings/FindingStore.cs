using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>What was found in the last hour, newest last. Safe to use from several threads.</summary>
public sealed class FindingStore
{
    /// <summary>Findings that are kept; the oldest that is over makes room, and what finds none is counted.</summary>
    public const int Capacity = 1024;

    /// <summary>So long after its end a finding is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly List<Finding> _findings = [];
    private readonly Dictionary<FindingInfo, long> _counts = [];
    private long _number;
    private long _lost;

    /// <summary>Findings that found no room.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Changes with every finding that is added.</summary>
    public long Raised => Interlocked.Read(ref _number);

    /// <summary>All, in the order in which they were raised.</summary>
    public Finding[] All
    {
        get
        {
            lock (_lock)
                return [.. _findings];
        }
    }

    /// <summary>How often each kind was raised since the start.</summary>
    public void CopyCounts(List<KeyValuePair<FindingInfo, long>> into)
    {
        into.Clear();
        lock (_lock)
        {
            foreach (var count in _counts)
                into.Add(count);
        }
    }

    /// <summary>Copies those that are active and no consequence of another.</summary>
    public void CopyActive(List<Finding> into)
    {
        into.Clear();
        lock (_lock)
        {
            foreach (var finding in _findings)
            {
                if (finding is { IsActive: true, Cause: null })
                    into.Add(finding);
            }
        }
    }

    internal void CountLost() => Interlocked.Increment(ref _lost);

    /// <param name="info">Its kind.</param>
    /// <param name="subject">Null: the node.</param>
    /// <param name="verdict">The first.</param>
    /// <param name="first">Unix nanoseconds.</param>
    /// <param name="moment">Now, by a clock that nobody sets.</param>
    internal Finding Add(FindingInfo info, Subject? subject, Verdict verdict, long first, long moment)
    {
        lock (_lock)
        {
            Forget(moment);
            var finding = new Finding(++_number, info, subject, verdict, first);
            _findings.Add(finding);
            _counts[info] = _counts.GetValueOrDefault(info) + 1;
            return finding;
        }
    }

    private void Forget(long moment)
    {
        _findings.RemoveAll(f => !f.IsActive && moment - f.EndMoment > Kept.Ticks * 100);
        while (_findings.Count >= Capacity)
        {
            var over = _findings.FindIndex(static f => !f.IsActive && f.Subject is NetNamespace { Rootless: true });
            if (over < 0)
                over = _findings.FindIndex(static f => !f.IsActive);
            _findings.RemoveAt(over < 0 ? 0 : over);
            CountLost();
        }
    }
}
