using System.Diagnostics;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>A rule that threw, which is asked no more.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Reason">Type and message of what it threw.</param>
public readonly record struct BrokenRule(FindingRule Rule, string Reason);

/// <summary>
/// Runs the rules over each collection and keeps what they found. Only rules and subjects that something points at are
/// looked at, so a node on which nothing moves costs a comparison of columns. Belongs to the collection thread, but
/// for <see cref="Inbox"/> and <see cref="Store"/>.
/// </summary>
public sealed class FindingEngine : IDisposable
{
    /// <summary>Collections in which windows may begin.</summary>
    private const int MostKept = 4;

    /// <summary>Subjects that one rule looks at in a window; the others are counted.</summary>
    public const int MostSubjects = 1000;

    /// <summary>Windows in which a rule may fail: one subject's figures may be strange.</summary>
    private const int MostFailures = 3;

    /// <summary>The collection waits for the rules no longer than this.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromMilliseconds(500);

    /// <summary>What is usual is what was so for this long at least, and for twice as long at most.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Events are kept for so long after their window: a segment is sent again two minutes later at most (TCP_RTO_MAX).
    /// </summary>
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(130);

    private FindingRule[] _rules;
    private readonly HashSet<FindingRule> _broken = [];
    private readonly Dictionary<FindingRule, int> _failures = [];
    private readonly List<SnapshotLease> _leases = [];
    private readonly List<SnapshotLease> _usual = [];
    private readonly List<(long Moment, NetworkEvent Event)> _arrived = [];
    private readonly List<NetworkEvent> _events = [];
    private readonly EarlierEvents _earlier = new();
    private readonly NodeWindow _window;
    private readonly HashSet<Subject> _subjects = [];
    private readonly FindingState _state;
    private readonly Func<FindingInfo, Subject, bool> _isOver;
    private long _deadline;
    private int _turn;

    /// <param name="rules">What is looked for.</param>
    /// <param name="store">Takes what is found.</param>
    public FindingEngine(IReadOnlyList<FindingRule> rules, FindingStore store)
    {
        _rules = [.. rules];
        Store = store;
        _state = new FindingState(store, this);
        _isOver = IsOver;
        _window = new() { Earlier = _earlier };
        _earlier.Use(rules);
    }

    /// <summary>A window is so long at least: of shorter collections it spans several.</summary>
    public TimeSpan Shortest { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Takes events as they come.</summary>
    public FindingInbox Inbox { get; } = new();

    public FindingStore Store { get; }

    /// <summary>Called for each finding that is new, or worse than it was, or over.</summary>
    public Action<Finding, FindingChange> OnChange { get; set; } = static (_, _) => { };

    /// <summary>Whether a subject is known to be no more: what was wrong with it is over.</summary>
    public Func<Subject, bool> IsGone { get; set; } = static _ => false;

    /// <summary>Whether a subject has an address; false also where nobody knows.</summary>
    public Func<Subject, IPAddress, bool> HasAddress { get; set; } = static (_, _) => false;

    /// <summary>Called once for each rule that threw.</summary>
    public Action<BrokenRule> OnBroken { get; set; } = static _ => { };

    /// <summary>Rules that are asked no more because they threw.</summary>
    public int Broken => _broken.Count;

    /// <summary>Subjects that were not looked at because too many were pointed at, ever.</summary>
    public long Unseen { get; private set; }

    /// <summary>Looks at a collection that has just been published.</summary>
    public void Judge(SnapshotStore snapshots)
    {
        var lease = snapshots.Acquire();
        if (lease.Snapshot is not { } now)
        {
            lease.Dispose();
            return;
        }
        if (_leases.Count == 0)
            _window.WatchedSince = now.Time;
        foreach (var e in Inbox.Take())
            _arrived.Add((now.Moment, e));
        while (_leases.Count > 1 && Age(_leases[1], now) >= Shortest)
            Forget();
        if (_leases.Count > 0)
            Judge(_leases[0].Snapshot!, now);
        // Windows of short collections overlap: each begins with one of a few that are kept.
        if (_leases.Count == 0 || Age(_leases[^1], now) >= Shortest / MostKept)
            _leases.Add(lease);
        else
            lease.Dispose();
        KeepUsual(snapshots, now);
    }

    private void Judge(Snapshot from, Snapshot now)
    {
        // Not by their own times, which are of a clock that can be set.
        var old = 0;
        while (old < _arrived.Count && _arrived[old].Moment <= from.Moment)
            old++;
        for (var i = 0; i < old; i++)
            _earlier.Add(_arrived[i].Moment, _arrived[i].Event);
        _earlier.Forget(from.Moment - (long)Kept.TotalNanoseconds);
        _arrived.RemoveRange(0, old);
        _events.Clear();
        foreach (var (_, e) in _arrived)
            _events.Add(e);
        // Of two the older one; the younger becomes it.
        var usual = _usual.Count > 0 && Age(_usual[0], from) >= Usual ? _usual[0].Snapshot : null;
        _window.Open(usual, from, now, _events);
        Store.ForgetCounts(_isOver);
        _state.Begin(now, OnChange);
        _deadline = Stopwatch.GetTimestamp() + (long)(MostTime.TotalSeconds * Stopwatch.Frequency);
        // Where time is short each is the first one at some time.
        _turn = (_turn + 1) % Math.Max(1, _rules.Length);
        for (var i = 0; i < _rules.Length; i++)
        {
            var rule = _rules[(i + _turn) % _rules.Length];
            if (!_broken.Contains(rule))
                Ask(rule);
        }
        _state.End(OnChange);
        _window.Close();
    }

    // Nobody tells when a container ends, but its figures do.
    private bool IsOver(FindingInfo info, Subject subject) => IsGone(subject)
        || (subject.Kind is SubjectKind.Pod or SubjectKind.Container && _window.IsWithout(subject, info.Triggers));

    private void KeepUsual(SnapshotStore snapshots, Snapshot now)
    {
        if (_usual.Count > 0 && Age(_usual[^1], now) < Usual)
            return;
        _usual.Add(snapshots.Acquire());
        if (_usual.Count <= 2)
            return;
        _usual[0].Dispose();
        _usual.RemoveAt(0);
    }

    // By the clock that nobody sets.
    private static TimeSpan Age(SnapshotLease lease, Snapshot now) =>
        TimeSpan.FromTicks((now.Moment - lease.Snapshot!.Moment) / 100);

    private void Forget()
    {
        _leases[0].Dispose();
        _leases.RemoveAt(0);
    }

    private void Ask(FindingRule rule)
    {
        _subjects.Clear();
        var node = false;
        // By index: an enumerator of an interface would be allocated.
        var triggers = rule.Triggers;
        for (var i = 0; i < triggers.Count; i++)
            _window.Awaken(triggers[i], _subjects, ref node);
        // The sum over namespaces that are gone is nobody's.
        _subjects.RemoveWhere(static s => s.IsPast);
        if (node && !TryAsk(rule, null))
            return;
        // Where there are too many, others are the first ones next time.
        var skipped = _subjects.Count > MostSubjects ? _turn * MostSubjects % _subjects.Count : 0;
        var (place, asked) = (0, 0);
        foreach (var subject in _subjects)
        {
            if (place++ < skipped)
                continue;
            if (asked == MostSubjects || Stopwatch.GetTimestamp() > _deadline)
                break;
            asked++;
            if (!TryAsk(rule, subject))
                break;
        }
        Unseen += _subjects.Count - asked;
    }

    // False: it failed, and is asked no more in this window.
    private bool TryAsk(FindingRule rule, Subject? subject)
    {
        try
        {
            foreach (var verdict in rule.Judge(new SubjectWindow(_window, subject)))
                _state.Take(rule.Info, subject, verdict, _window);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The others go on.
            var failures = _failures[rule] = _failures.GetValueOrDefault(rule) + 1;
            if (failures == MostFailures)
            {
                _broken.Add(rule);
                OnBroken(new(rule, $"{e.GetType().Name}: {e.Message}"));
            }
            return false;
        }
    }

    /// <summary>
    /// Goes on with other rules, or thresholds: what was found stays, and is over once no rule sees it any more.
    /// </summary>
    public void Use(IReadOnlyList<FindingRule> rules)
    {
        _rules = [.. rules];
        _earlier.Use(rules);
        _broken.Clear();
        _failures.Clear();
    }

    /// <summary>
    /// Begins anew, with all rules: probes were started again, and the figures of their rows are no news.
    /// </summary>
    public void Restart()
    {
        Forget(_leases);
        Forget(_usual);
        _broken.Clear();
        _failures.Clear();
    }

    private static void Forget(List<SnapshotLease> leases)
    {
        foreach (var lease in leases)
            lease.Dispose();
        leases.Clear();
    }

    public void Dispose() => Restart();
}
