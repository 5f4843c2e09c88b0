using System.Net;

namespace Collector.Core.Events;

/// <summary>
/// The two ends of a packet or connection as the kernel saw it; IPv4-mapped addresses are shown as IPv4.
/// </summary>
/// <param name="Transport">tcp, udp, icmp, icmpv6, igmp ..., or the protocol's number as text.</param>
/// <param name="Source">Sender's address; for a socket, the local one.</param>
/// <param name="SourcePort">0 where the protocol has none.</param>
/// <param name="Destination">Receiver's address; for a socket, the remote one.</param>
/// <param name="DestinationPort">0 where the protocol has none.</param>
public sealed record FlowTuple(
    string Transport, IPAddress Source, int SourcePort, IPAddress Destination, int DestinationPort)
{
    /// <summary>The pod that has the sender's address, as namespace/name; null where none has.</summary>
    public string? SourcePod { get; init; }

    /// <summary>The pod that has the receiver's address, as namespace/name; null where none has.</summary>
    public string? DestinationPod { get; init; }

    /// <summary>What the other end sends.</summary>
    public FlowTuple Reverse() => new(Transport, Destination, DestinationPort, Source, SourcePort)
    {
        SourcePod = DestinationPod, DestinationPod = SourcePod,
    };

    /// <summary>"tcp 10.0.0.1:4711 > 10.0.0.2:80"; "igmp 10.0.0.1 > 224.0.0.22".</summary>
    public override string ToString() =>
        $"{Protocol} {End(Source, SourcePort)} > {End(Destination, DestinationPort)}";

    /// <summary>"tcp"; "protocol 254".</summary>
    internal string Protocol => Transport.Length > 0 && char.IsAsciiDigit(Transport[0])
        ? $"protocol {Transport}"
        : Transport;

    internal bool HasPorts => SourcePort != 0 || DestinationPort != 0;

    /// <summary>One end by its address: "10.0.0.1:4711", "[2001:db8::1]:80", "10.0.0.1".</summary>
    public string End(IPAddress address, int port) =>
        HasPorts ? new IPEndPoint(address, port).ToString() : address.ToString();
}
