using Collector.Core.Subjects;

namespace Collector.Worker.Commands;

/// <summary>What stands above the numbers of a subject: all that is known of it, once.</summary>
internal static class SubjectHeading
{
    public static string Of(Subject? subject) => subject switch
    {
        null => "node (the machine as a whole)",
        { IsHost: true } => $"host ({subject.Inode})",
        _ => string.Join(", ", Facts(subject.Names).Prepend(subject.ToString())),
    };

    extension(Subject subject)
    {
        /// <summary>Its name as <c>--netns</c> and <c>--pod</c> take it.</summary>
        public string Called => subject switch
        {
            { IsHost: true } => "host",
            { Names: { PodName: { } pod } names } => $"{names.PodNamespace}/{pod}",
            { Names.NetnsName: { Length: > 0 } name } => name,
            _ => $"{subject.Inode}",
        };
    }

    private static IEnumerable<string> Facts(SubjectNames names)
    {
        if (names is { PodName: not null, NetnsName: { Length: > 0 } netns })
            yield return netns;
        if (names.PodUid is { } uid)
            yield return $"uid {uid}";
        if (names.ContainerName is { } container)
            yield return $"container {container}";
        else if (names.ContainerId is { } id)
            yield return $"container {id[..Math.Min(12, id.Length)]}";
        if (names.Unit is { } unit)
            yield return unit;
        foreach (var (key, value) in names.PodLabels)
            yield return $"{key}={value}";
    }
}
