using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>
/// What happened before a window, of the kinds that rules ask for: the newest of each subject. No namespace that any
/// user can make takes room here, and none takes that of others.
/// </summary>
internal sealed class EarlierEvents
{
    /// <summary>Those of one subject.</summary>
    public const int MostOfOne = 8;

    private const int MostSubjects = 256;

    private static readonly object Nobody = new();

    private readonly Dictionary<object, Queue<(long Moment, NetworkEvent Event)>> _bySubject = [];
    private readonly List<object> _left = [];
    private HashSet<EventInfo> _kinds = [];

    /// <summary>Keeps what these rules ask for.</summary>
    public void Use(IEnumerable<FindingRule> rules) => _kinds = [.. rules.SelectMany(static r => r.Info.Earlier)];

    /// <summary>Takes one; in the order in which they happened.</summary>
    public void Add(long moment, NetworkEvent e)
    {
        if (e.Rootless || !_kinds.Contains(e.Info))
            return;
        var subject = e.Subject ?? Nobody;
        if (!_bySubject.TryGetValue(subject, out var events))
        {
            if (_bySubject.Count == MostSubjects)
                return;
            _bySubject.Add(subject, events = new(MostOfOne));
        }
        if (events.Count == MostOfOne)
            events.Dequeue();
        events.Enqueue((moment, e));
    }

    /// <summary>Forgets what happened before a moment.</summary>
    public void Forget(long before)
    {
        foreach (var (subject, events) in _bySubject)
        {
            while (events.TryPeek(out var first) && first.Moment < before)
                events.Dequeue();
            if (events.Count == 0)
                _left.Add(subject);
        }
        foreach (var subject in _left)
            _bySubject.Remove(subject);
        _left.Clear();
    }

    /// <summary>Those of a kind, oldest first; null: of nobody.</summary>
    public IEnumerable<NetworkEvent> Of(EventInfo info, Subject? subject) =>
        _bySubject.TryGetValue(subject ?? Nobody, out var events)
            ? events.Select(static e => e.Event).Where(e => e.Info == info)
            : [];
}
