using System.Globalization;
using Collector.Core.Subjects;

namespace Collector.Worker.Recorder;

/// <summary>Pods by name, by Kubernetes namespace, or by both; null stands for any.</summary>
public readonly record struct PodPattern(string? Namespace, string? Name)
{
    public bool Matches(SubjectNames? names) =>
        names is { PodName: not null } && Is(Namespace, names.PodNamespace) && Is(Name, names.PodName);

    /// <param name="pod">As namespace/name; null for none.</param>
    public bool Matches(string? pod) => pod is not null
        && pod.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash
        && Is(Namespace, pod.AsSpan(0, slash))
        && Is(Name, pod.AsSpan(slash + 1));

    private static bool Is(string? wanted, ReadOnlySpan<char> found) => wanted is null || found.SequenceEqual(wanted);
}

/// <summary>A network namespace by inode or, where that is 0, by name.</summary>
public readonly record struct NetnsPattern(ulong Inode, string Name)
{
    /// <summary>Digits are an inode: ip netns takes such a name too, but nobody gives one.</summary>
    public static NetnsPattern Of(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var inode)
            ? new(inode, "")
            : new(0, text);

    public bool Matches(Subject? subject) => subject is not null
        && (Inode != 0 ? subject.Inode == Inode : Name.Length > 0 && subject.Names.NetnsName == Name);
}
