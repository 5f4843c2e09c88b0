using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>
/// Events on their way to the rules; they come from several threads. Bounded, and what is lost is counted.
/// </summary>
public sealed class FindingInbox
{
    /// <summary>Events that may wait for a collection.</summary>
    public const int Capacity = 4096;

    /// <summary>Those of namespaces that any user can make.</summary>
    public const int RootlessCapacity = Capacity / 4;

    /// <summary>Those of one subject.</summary>
    public const int SubjectCapacity = Capacity / 8;

    private readonly Lock _lock = new();
    private List<NetworkEvent> _waiting = [];
    private List<NetworkEvent> _spare = [];
    private readonly Dictionary<Subject, int> _bySubject = [];
    private int _rootless;
    private long _lost;

    /// <summary>Events that found no room.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Takes an event; a summary says nothing new.</summary>
    public void Offer(NetworkEvent e)
    {
        if (e.IsSummary)
            return;
        lock (_lock)
        {
            if (_waiting.Count == Capacity || (e.Rootless && _rootless == RootlessCapacity) || IsTooLoud(e.Subject))
            {
                Interlocked.Increment(ref _lost);
                return;
            }
            _waiting.Add(e);
            _rootless += e.Rootless ? 1 : 0;
        }
    }

    // No pod takes the room of the others.
    private bool IsTooLoud(Subject? subject)
    {
        if (subject is null)
            return false;
        var count = _bySubject.GetValueOrDefault(subject);
        if (count >= SubjectCapacity)
            return true;
        _bySubject[subject] = count + 1;
        return false;
    }

    /// <summary>Takes all; the list is true until the next call.</summary>
    internal List<NetworkEvent> Take()
    {
        lock (_lock)
        {
            _spare.Clear();
            (_waiting, _spare) = (_spare, _waiting);
            _rootless = 0;
            _bySubject.Clear();
            return _spare;
        }
    }
}
