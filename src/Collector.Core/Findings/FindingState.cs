using System.Net;
using Collector.Core.Events;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>What became of a finding.</summary>
public enum FindingChange
{
    /// <summary>It is new, or back after a pause.</summary>
    Raised,

    /// <summary>It is worse than it was told.</summary>
    Worse,

    /// <summary>It was not seen for a while.</summary>
    Ended,
}

/// <summary>
/// From verdicts of single windows to findings: what is not direct must be seen in two windows, a finding ends when it
/// was not seen for a while, and what a stronger one explains is not told by itself.
/// </summary>
internal sealed class FindingState(FindingStore store, FindingEngine engine)
{
    /// <summary>A finding that was not seen so long is over.</summary>
    public static readonly TimeSpan Hold = TimeSpan.FromSeconds(60);

    /// <summary>A finding that is over for less than this is the same when it comes again, and not told anew.</summary>
    public static readonly TimeSpan CoolDown = TimeSpan.FromMinutes(10);

    /// <summary>Findings of one subject: who has more is told often enough.</summary>
    private const int MostOfSubject = 64;

    /// <summary>Looks in a window at which addresses a namespace has: each opens a file.</summary>
    private const int MostLooks = 32;

    private readonly Dictionary<Key, Entry> _entries = [];
    private readonly Dictionary<Subject, int> _bySubject = [];
    private readonly Dictionary<(Subject Subject, IPAddress Address), bool> _addresses = [];
    private int _rootless;
    private readonly List<Key> _gone = [];
    private readonly List<Entry> _seen = [];
    private Snapshot _now = null!;
    private long _window;

    public void Begin(Snapshot now, Action<Finding, FindingChange> onChange)
    {
        _now = now;
        _seen.Clear();
        _addresses.Clear();
        foreach (var (key, entry) in _entries)
        {
            if (key.Subject is { } subject && entry.Finding is { IsActive: true } && engine.IsGone(subject))
                EndOne(entry, onChange);
        }
    }

    public void Take(FindingInfo info, Subject? subject, Verdict verdict, NodeWindow window)
    {
        var key = new Key(info, subject, verdict.Detail);
        if (!_entries.TryGetValue(key, out var entry))
        {
            if (!HasRoom(subject))
            {
                store.CountLost();
                return;
            }
            entry = new Entry(key)
            {
                FirstMoment = _now.Moment,
                First = window.Begin,
                Rootless = subject is NetNamespace { Rootless: true },
            };
            Add(entry);
        }
        _window = _now.Moment - window.BeginMoment;
        if (entry.LastMoment == 0 || entry.Finding is { IsActive: false })
            entry.SinceMoment = window.BeginMoment;
        // A window that overlaps the first one has nothing new to say.
        var again = entry.LastMoment != 0 && window.BeginMoment >= entry.FirstMoment;
        entry.LastMoment = _now.Moment;
        entry.Verdict = verdict;
        entry.Proven |= verdict.Direct || again;
        _seen.Add(entry);
    }

    // Details are what a pod's programs choose: neither it nor who makes namespaces takes the room of the others.
    private bool HasRoom(Subject? subject) => _entries.Count < FindingStore.Capacity
        && (subject is null || _bySubject.GetValueOrDefault(subject) < MostOfSubject)
        && (subject is not NetNamespace { Rootless: true } || _rootless < FindingStore.Capacity / 4);

    private void Add(Entry entry)
    {
        _entries.Add(entry.Key, entry);
        Count(entry, 1);
    }

    private void Remove(Key key)
    {
        if (_entries.Remove(key, out var entry))
            Count(entry, -1);
    }

    private void Count(Entry entry, int one)
    {
        _rootless += entry.Rootless ? one : 0;
        if (entry.Key.Subject is not { } subject)
            return;
        var count = _bySubject.GetValueOrDefault(subject) + one;
        if (count > 0)
            _bySubject[subject] = count;
        else
            _bySubject.Remove(subject);
    }

    public void End(Action<Finding, FindingChange> onChange)
    {
        foreach (var entry in _seen)
        {
            if (entry.Proven)
                Prove(entry);
        }
        Explain();
        foreach (var entry in _seen)
        {
            if (entry.Finding is { } finding && entry.Change is { } change)
                Tell(entry, finding, change, onChange);
            entry.Change = null;
        }
        EndOthers(onChange);
    }

    private void Prove(Entry entry)
    {
        if (entry.Finding is not { } finding)
        {
            finding = store.Add(entry.Key.Info, entry.Key.Subject, entry.Verdict, entry.First, _now.Moment);
            (entry.Finding, entry.Change) = (finding, FindingChange.Raised);
        }
        else
        {
            if (!finding.IsActive)
            {
                // It comes and goes: what it was a consequence of may not be there this time.
                (finding.IsActive, finding.Cause) = (true, null);
                entry.Told = true;
            }
            if (entry.Verdict.Severity > finding.Severity)
                (finding.Severity, entry.Change) = (entry.Verdict.Severity, FindingChange.Worse);
        }
        finding.Verdict = entry.Verdict;
        finding.SinceMoment = entry.SinceMoment;
        finding.Last = _now.Time;
        finding.Windows++;
    }

    private void Explain()
    {
        ExplainNow();
        foreach (var strong in _seen)
        {
            if (strong.Change is FindingChange.Raised && strong.Finding is { Cause: null })
                ExplainEarlier(strong);
        }
    }

    // What follows from it may have been found first, and not be in this window again.
    private void ExplainEarlier(Entry strong)
    {
        foreach (var (_, weak) in _entries)
        {
            if (weak != strong && weak.Finding is { IsActive: true, Cause: null } effect && Explains(strong, effect))
                effect.Cause = strong.Finding;
        }
    }

    // A warning must not keep an error from being told.
    private bool Explains(Entry strong, Finding effect) => strong.Finding is { IsActive: true, Cause: null } cause
        && cause.Severity >= effect.Severity && strong.Key.Info.Explains.Contains(effect.Info)
        && effect.Verdict.MoreThan != strong.Key.Info && !IsOlder(effect, cause) && Meet(cause, effect);

    // What was there before its cause has another. By a minute, or two windows: neither is seen at its first moment.
    private bool IsOlder(Finding effect, Finding cause) =>
        cause.SinceMoment - effect.SinceMoment > Math.Max(Hold.Ticks * 100, 2 * _window);

    // A consequence that goes on without its cause is one of its own.
    private void ExplainNow()
    {
        foreach (var weak in _seen)
        {
            if (weak.Finding is not { } finding
                || (finding.Cause is { IsActive: true } known && finding.Verdict.MoreThan != known.Info))
            {
                continue;
            }
            if (finding.Cause is not null)
                (finding.Cause, weak.Change) = (null, FindingChange.Raised);
            foreach (var (_, strong) in _entries)
            {
                if (strong != weak && Explains(strong, finding))
                {
                    finding.Cause = strong.Finding;
                    break;
                }
            }
        }
    }

    private bool Meet(Finding cause, Finding effect)
    {
        if (cause.Subject is null)
            return true;
        var (mine, its) = (cause.Verdict, effect.Verdict);
        // Where both are about certain ends these must meet: one subject has many connections. Of these a finding has
        // the last one, so that the client's port tells nothing.
        if (its.Tuple is not { } tuple || (mine.Local is null && mine.Tuple is null))
            return cause.Subject == effect.Subject && !(mine.Tuple is null && AreApart(mine.Local, its.Local));
        if (mine.Local is { } local)
        {
            return IsEnd(cause, effect, local, tuple.Destination, tuple.DestinationPort, tuple.DestinationPod)
                || IsEnd(cause, effect, local, tuple.Source, tuple.SourcePort, tuple.SourcePod);
        }
        var other = mine.Tuple!;
        return (cause.Subject == effect.Subject || other.Source.Equals(tuple.Source))
            && other.DestinationPort == tuple.DestinationPort && other.Destination.Equals(tuple.Destination)
            || (tuple.Source.Equals(other.Destination) && tuple.SourcePort == other.DestinationPort
                && tuple.Destination.Equals(other.Source));
    }

    // Listeners at two ports have nothing to do with each other.
    private static bool AreApart(IPEndPoint? one, IPEndPoint? other) =>
        one is not null && other is not null && one.Port != other.Port;

    // Many listen at any address of theirs at the same port: whose it is must be known.
    private bool IsEnd(Finding cause, Finding effect, IPEndPoint local, IPAddress address, int port, string? pod)
    {
        if (local.Port != port)
            return false;
        if (!local.Address.Equals(IPAddress.Any) && !local.Address.Equals(IPAddress.IPv6Any))
            return local.Address.Equals(address);
        if (cause.Subject == effect.Subject)
            return true;
        return pod is not null
            ? cause.Subject!.Names is { PodName: { } name, PodNamespace: { } ns } && pod == $"{ns}/{name}"
            : !IPAddress.IsLoopback(address) && HasAddress(cause.Subject!, address);
    }

    private bool HasAddress(Subject subject, IPAddress address)
    {
        if (_addresses.TryGetValue((subject, address), out var has))
            return has;
        if (_addresses.Count >= MostLooks)
            return false;
        return _addresses[(subject, address)] = engine.HasAddress(subject, address);
    }

    private static void Tell(
        Entry entry, Finding finding, FindingChange change, Action<Finding, FindingChange> onChange)
    {
        if (finding.Cause is not null)
            return;
        entry.Told = true;
        onChange(finding, change);
    }

    private void EndOthers(Action<Finding, FindingChange> onChange)
    {
        _gone.Clear();
        foreach (var (key, entry) in _entries)
        {
            var age = TimeSpan.FromTicks((_now.Moment - entry.LastMoment) / 100);
            if (entry.Finding is not { } finding)
            {
                // Seen once, and not again within two windows.
                if (age > engine.Shortest * 3)
                    _gone.Add(key);
                continue;
            }
            if (finding.IsActive && age > Hold)
                EndOne(entry, onChange);
            else if (!finding.IsActive && _now.Moment - finding.EndMoment > CoolDown.Ticks * 100)
                _gone.Add(key);
        }
        foreach (var key in _gone)
            Remove(key);
    }

    private void EndOne(Entry entry, Action<Finding, FindingChange> onChange)
    {
        var finding = entry.Finding!;
        finding.IsActive = false;
        finding.EndMoment = _now.Moment;
        if (entry.Told)
            onChange(finding, FindingChange.Ended);
        entry.Told = false;
    }

    private readonly record struct Key(FindingInfo Info, Subject? Subject, string Detail);

    private sealed class Entry(Key key)
    {
        public Key Key => key;

        public Verdict Verdict = null!;
        public Finding? Finding;
        public FindingChange? Change;
        public long First;
        public long FirstMoment;
        public long SinceMoment;
        public long LastMoment;
        public bool Proven;
        public bool Rootless;
        public bool Told;
    }
}
