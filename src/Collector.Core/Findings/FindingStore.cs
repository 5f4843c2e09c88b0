using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>How often a kind was raised of a subject.</summary>
/// <param name="Info">The kind.</param>
/// <param name="Subject">Null: the node.</param>
/// <param name="Count">How often, since the start.</param>
public readonly record struct FindingCount(FindingInfo Info, Subject? Subject, long Count);

/// <summary>What was found in the last hour, newest last. Safe to use from several threads.</summary>
public sealed class FindingStore
{
    /// <summary>Kinds and subjects that are counted; a quarter of them of namespaces that any user can make.</summary>
    private const int MostCounts = 4 * Capacity;

    /// <summary>Findings that are kept; the oldest that is over makes room, and what finds none is counted.</summary>
    public const int Capacity = 1024;

    /// <summary>So long after its end a finding is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly List<Finding> _findings = [];
    private readonly Dictionary<(FindingInfo Info, Subject? Subject), long> _counts = [];
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

    /// <summary>How often each kind was raised of each subject that is still there.</summary>
    public void CopyCounts(List<FindingCount> into)
    {
        into.Clear();
        lock (_lock)
        {
            foreach (var (key, count) in _counts)
                into.Add(new(key.Info, key.Subject, count));
        }
    }

    /// <summary>Counts no more what was raised of subjects that are no more.</summary>
    internal void ForgetCounts(Func<FindingInfo, Subject, bool> isGone)
    {
        lock (_lock)
        {
            foreach (var key in _counts.Keys)
            {
                if (key.Subject is { } subject && isGone(key.Info, subject))
                    _counts.Remove(key);
            }
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
            Count(info, subject);
            return finding;
        }
    }

    private void Count(FindingInfo info, Subject? subject)
    {
        // Those that are not told apart are new subjects again and again.
        if (subject is { Kind: SubjectKind.Stranger })
            return;
        if (_counts.TryGetValue((info, subject), out var count) || HasRoom(subject) || Evict())
            _counts[(info, subject)] = count + 1;
    }

    // One of whom nothing is known any more.
    private bool Evict()
    {
        foreach (var key in _counts.Keys)
        {
            if (!_findings.Exists(f => f.Info == key.Info && f.Subject == key.Subject))
                return _counts.Remove(key);
        }
        return false;
    }

    private bool HasRoom(Subject? subject) => _counts.Count < MostCounts
        && (subject is not NetNamespace { Rootless: true }
            || _counts.Keys.Count(static k => k.Subject is NetNamespace { Rootless: true }) < MostCounts / 4);

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
