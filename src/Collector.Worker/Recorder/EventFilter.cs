using Collector.Core.Events;

namespace Collector.Worker.Recorder;

/// <summary>
/// Which events a reader wants. All that is set must hold; of several values, one. It looks at the event itself, makes
/// no text of it and allocates nothing.
/// </summary>
public sealed record EventFilter
{
    public static EventFilter Everything { get; } = new();

    /// <summary>Full names of kinds; null: all of them.</summary>
    public IReadOnlySet<string>? Kinds { get; init; }

    /// <summary>This one and worse.</summary>
    public EventSeverity Severity { get; init; } = EventSeverity.Info;

    /// <summary>Of the network namespace that it happened in, or of either end.</summary>
    public PodPattern[] Pods { get; init; } = [];

    /// <summary>The same, by their Kubernetes namespace.</summary>
    public PodPattern[] PodNamespaces { get; init; } = [];

    public NetnsPattern[] Netns { get; init; } = [];

    /// <summary>Of either end.</summary>
    public AddressRange[] Addresses { get; init; } = [];

    /// <summary>Of either end.</summary>
    public int[] Ports { get; init; } = [];

    /// <summary>Unix nanoseconds: what happened then or later.</summary>
    public long Since { get; init; } = long.MinValue;

    public bool Matches(NetworkEvent e) =>
        e.Time >= Since
        && e.Severity >= Severity
        && Kinds?.Contains(e.Info.Name) != false
        && MatchesNetns(e)
        && MatchesPorts(e.Tuple)
        && MatchesAddresses(e.Tuple)
        && MatchesPods(Pods, e)
        && MatchesPods(PodNamespaces, e);

    private bool MatchesNetns(NetworkEvent e)
    {
        foreach (var netns in Netns)
        {
            if (netns.Matches(e.Subject))
                return true;
        }
        return Netns.Length == 0;
    }

    private bool MatchesPorts(FlowTuple? tuple) => Ports.Length == 0
        || (tuple is not null && (Ports.Contains(tuple.SourcePort) || Ports.Contains(tuple.DestinationPort)));

    private bool MatchesAddresses(FlowTuple? tuple)
    {
        if (Addresses.Length == 0 || tuple is null)
            return Addresses.Length == 0;
        var (source, destination) = (new AddressBits(tuple.Source), new AddressBits(tuple.Destination));
        foreach (var range in Addresses)
        {
            if (range.Contains(source) || range.Contains(destination))
                return true;
        }
        return false;
    }

    private static bool MatchesPods(PodPattern[] pods, NetworkEvent e)
    {
        foreach (var pod in pods)
        {
            if (pod.Matches(e.Subject?.Names)
                || pod.Matches(e.Tuple?.SourcePod)
                || pod.Matches(e.Tuple?.DestinationPod))
                return true;
        }
        return pods.Length == 0;
    }
}
