using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.View;

/// <summary>A subject under the name by which it is asked for, with all objects that stand for it.</summary>
/// <param name="Id">As <see cref="SubjectView.Id"/>.</param>
/// <param name="Subjects">Probes that tell of pods and containers have one each.</param>
internal sealed record KnownSubject(string Id, List<Subject> Subjects)
{
    public Subject First => Subjects[0];
}

/// <summary>What subjects are called in views.</summary>
internal static class SubjectIds
{
    /// <summary>Of the node's own namespace.</summary>
    public const string Host = "host";

    /// <summary>Null for those that no view shows: strangers, what is gone, services.</summary>
    public static string? Of(Subject subject) => subject switch
    {
        { IsHost: true } => Host,
        { Kind: SubjectKind.Namespace } => $"n{subject.Inode}",
        { Kind: SubjectKind.Pod, Names.PodUid: { Length: > 0 } uid } => $"p{uid}",
        { Kind: SubjectKind.Container, Names.ContainerId: { Length: > 0 } id } => $"c{id}",
        _ => null,
    };

    /// <summary>True for one that stands for a known one; false for another life of its inode.</summary>
    public static bool IsOf(KnownSubject known, Subject subject) => known.Subjects.Contains(subject)
        || (Of(subject) == known.Id
            && (subject.Kind != SubjectKind.Namespace || subject.Generation == known.First.Generation));

    public static string KindOf(Subject subject) => subject switch
    {
        { IsHost: true } => "host",
        { Kind: SubjectKind.Container } => "container",
        { Names.PodName: not null } => "pod",
        { Kind: SubjectKind.Pod } => "pod",
        _ => "namespace",
    };

    public static string NameOf(Subject subject)
    {
        var names = subject.Names;
        var name = subject switch
        {
            { IsHost: true } => "host",
            { Kind: SubjectKind.Container } => names.ContainerName ?? names.ContainerId ?? "container",
            _ when names.PodName is { } pod => $"{names.PodNamespace}/{pod}",
            _ when names.PodUid is { } uid => $"pod {uid}",
            _ => names.NetnsName ?? names.ContainerName ?? names.ContainerId ?? names.Unit,
        };
        var inode = subject.Inode.ToString(CultureInfo.InvariantCulture);
        return name is null ? $"netns {inode}" : names.IsSecondary ? $"{name} ({inode})" : name;
    }

    /// <summary>
    /// All that a collection tells of, in the order in which it does. What has ended keeps its counters for a while,
    /// for who scrapes seldom; of what is there some level is told, too.
    /// </summary>
    /// <param name="snapshot">The collection.</param>
    /// <param name="facts">Tell whether zeros are left out of it: of what is quiet there may be no level then.</param>
    public static IReadOnlyDictionary<string, KnownSubject> In(Snapshot snapshot, ViewFacts facts)
    {
        var (all, alive) = (Met(snapshot), Alive(snapshot, facts.ZerosLeftOut.Count > 0));
        // Where nothing tells levels at all, nobody can say.
        if (alive.Count == 0)
            return all;
        var known = new OrderedDictionary<string, KnownSubject>(StringComparer.Ordinal);
        foreach (var (id, subject) in all)
        {
            if (subject.First.IsHost || subject.Subjects.Exists(alive.Contains))
                known.Add(id, subject);
        }
        return known;
    }

    private static HashSet<Subject> Alive(Snapshot snapshot, bool zerosLeftOut)
    {
        var alive = new HashSet<Subject>(ReferenceEqualityComparer.Instance);
        foreach (var table in snapshot.Tables)
        {
            // What has ended has no row in a table without counters, whatever its cells.
            if (zerosLeftOut && table.Info.Metrics.All(
                static m => m.Kind is InstrumentKind.Gauge or InstrumentKind.UpDownCounter))
            {
                foreach (var row in table.Rows)
                {
                    if (row.Subject is { IsHost: false } subject)
                        alive.Add(subject);
                }
                continue;
            }
            foreach (var metric in table.Info.Metrics)
            {
                if (metric is not { Kind: InstrumentKind.Gauge or InstrumentKind.UpDownCounter, Hidden: false })
                    continue;
                var levels = table.Column(metric);
                for (var r = 0; r < levels.Length; r++)
                {
                    if (levels[r] != Metric.Absent && table.Rows[r].Subject is { IsHost: false } subject)
                        alive.Add(subject);
                }
            }
        }
        return alive;
    }

    private static OrderedDictionary<string, KnownSubject> Met(Snapshot snapshot)
    {
        var seen = new HashSet<Subject>(ReferenceEqualityComparer.Instance);
        var known = new OrderedDictionary<string, KnownSubject>(StringComparer.Ordinal);
        foreach (var table in snapshot.Tables)
        {
            Subject? last = null;
            foreach (var row in table.Rows)
            {
                if (row.Subject is not { } subject || ReferenceEquals(subject, last) || !seen.Add(last = subject))
                    continue;
                if (Of(subject) is not { } id)
                    continue;
                if (!known.TryGetValue(id, out var its))
                    known.Add(id, its = new(id, []));
                // Of two lives of one inode the later one is shown.
                if (subject.Kind == SubjectKind.Namespace && its.Subjects.Count > 0)
                {
                    if (subject.Generation > its.First.Generation)
                        its.Subjects[0] = subject;
                }
                else
                {
                    its.Subjects.Add(subject);
                }
            }
        }
        return known;
    }
}
