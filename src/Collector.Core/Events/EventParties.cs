using System.Net;
using Collector.Core.Subjects;

namespace Collector.Core.Events;

/// <summary>
/// Who took part, as the words of a message name them: a pod where it is known, else an address; and whose network
/// namespace it is, where that tells more.
/// </summary>
/// <param name="subject">Where it happened; null where the kernel could not tell.</param>
/// <param name="tuple">Both ends; null where there are none.</param>
public sealed class EventParties(Subject? subject, FlowTuple? tuple)
{
    private readonly string? _pod =
        subject?.Names is { PodName: { Length: > 0 } name } names ? $"{names.PodNamespace}/{name}" : null;

    private string OnHost => subject is { HostNetwork: true } ? " (host network)" : "";

    /// <summary>Where it happened: "shop/web-0", "a.service", "network namespace blue", "the node", "".</summary>
    private string Place => _pod is not null ? _pod + OnHost : subject switch
    {
        null => "",
        { IsHost: true } => "the node",
        { Names: { ContainerName: { Length: > 0 } container } } => $"container {container}",
        { Names: { ContainerId: { Length: > 0 } id } } => $"container {id[..Math.Min(12, id.Length)]}",
        { Names: { Unit: { Length: > 0 } unit } } => unit,
        { Names: { NetnsName: { Length: > 0 } name } } => $"network namespace {name}",
        { IsPast: true } => "a network namespace that is gone",
        _ => $"network namespace {subject.Inode}",
    };

    // Of the node there is nothing to say.
    private string Within => subject is null or { IsHost: true } ? "" : $" ({Place})";

    /// <summary>Where it happened, whoever took part: "shop/web-0", "network namespace blue", "the node".</summary>
    public string Where => Place.Length > 0 ? Place : "a socket";

    /// <summary>The sender without its port: "shop/web-0", "10.0.0.2".</summary>
    public string Sender => tuple is null ? "somebody" : tuple.SourcePod ?? tuple.Source.ToString();

    /// <summary>The socket's own end: "shop/web-0:80", "10.0.0.2:80 (network namespace blue)".</summary>
    public string Local => tuple is null ? (Place.Length > 0 ? Place : "a socket")
        : _pod is not null ? End(_pod, tuple.Source, tuple.SourcePort) + OnHost
        : Source + Within;

    /// <summary>The other end of the socket: "shop/client-0:4711".</summary>
    public string Remote => tuple is null ? "somebody" : Destination;

    private string Source => End(tuple!.SourcePod, tuple.Source, tuple.SourcePort);

    private string Destination => End(tuple!.DestinationPod, tuple.Destination, tuple.DestinationPort);

    /// <summary>
    /// Something done to a packet where it was: "shop/client-0:40123 dropped udp from kube-system/coredns-0:53", "the
    /// node dropped tcp from shop/web-0:80 to 10.0.0.9:4711".
    /// </summary>
    /// <param name="did">What was done.</param>
    /// <param name="packet">What to call one whose ends are not known.</param>
    public string DidToPacket(string did, string packet)
    {
        if (tuple is null)
            return Sentence(Place, $"{did} {packet}");
        var what = $"{did} {tuple.Protocol}";
        var (sent, received) = (_pod == tuple.SourcePod, _pod == tuple.DestinationPod);
        return _pod is null || sent == received ? Sentence(Place, $"{what} from {Source} to {Destination}")
            : sent ? $"{Source}{OnHost} {what} to {Destination}"
            : $"{Destination}{OnHost} {what} from {Source}";
    }

    /// <summary>A device where it was: "eth0 of shop/web-0", "eth0".</summary>
    public string Device(string name) => _pod is null ? name + Within : $"{name} of {Place}";

    private static string Sentence(string who, string did) => who.Length > 0 ? $"{who} {did}" : did;

    private string End(string? pod, IPAddress address, int port) =>
        pod is null ? tuple!.End(address, port) : tuple!.HasPorts ? $"{pod}:{port}" : pod;
}
