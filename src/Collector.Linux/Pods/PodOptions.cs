namespace Collector.Linux.Pods;

/// <summary>How pods are found.</summary>
public sealed record PodOptions
{
    /// <summary>Path of the runtime's CRI socket; <see cref="None"/> for none; empty to search.</summary>
    public string RuntimeEndpoint { get; init; } = None;

    /// <summary>
    /// Also listen to the runtime's event stream. containerd 1.7 gives each event to one listener only, and the kubelet
    /// may be another.
    /// </summary>
    public bool Events { get; init; }

    /// <summary>Keys of pod labels that become attributes.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Tell what processes do (fd, io, accept queues of hostNetwork pods) by container.</summary>
    public bool Containers { get; init; }

    /// <summary>Time between two lists while nothing happens.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>True when both say the same, label for label.</summary>
    public bool SameAs(PodOptions other) =>
        this with { Labels = other.Labels } == other && Labels.SequenceEqual(other.Labels);

    /// <summary>No runtime is asked.</summary>
    public const string None = "none";
}
