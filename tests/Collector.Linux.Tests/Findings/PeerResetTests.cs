using System.Net;
using Collector.Core.Events;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Tests.Findings;

/// <summary>Which resets come from an end on this node: what is known of one end is written from its side.</summary>
public sealed class PeerResetTests
{
    /// <summary>Through a service's address each side knows one end by another address.</summary>
    [Theory]
    [InlineData("10.0.0.9", 8080, "10.0.0.1", 40_000, "10.0.0.9", 8080, true)]
    [InlineData("10.0.0.9", 8080, "10.0.0.1", 40_000, "10.96.0.1", 80, true)]
    [InlineData("10.0.0.9", 8080, "10.0.0.254", 61_000, "10.0.0.9", 8080, true)]
    [InlineData("10.0.0.9", 8080, "10.0.0.1", 40_001, "10.96.0.1", 80, false)]
    [InlineData("10.0.0.9", 8081, "10.0.0.1", 40_001, "10.0.0.9", 8080, false)]
    [InlineData("10.0.0.9", 8080, "10.0.0.2", 40_000, "10.96.0.1", 80, false)]
    public void A_reset_of_an_end_on_this_node(
        string from, int fromPort, string to, int toPort, string peer, int peerPort, bool expected)
    {
        var sent = Of(TcpReset.Sent, from, fromPort, to, toPort);
        var received = Of(TcpReset.Received, "10.0.0.1", 40_000, peer, peerPort);
        PeerReset.IsFrom(sent, received).ShouldBe(expected);
    }

    private static NetworkEvent Of(EventInfo info, string own, int ownPort, string other, int otherPort) => new()
    {
        Info = info,
        Time = 1,
        ObservedTime = 1,
        Message = "",
        Tuple = new FlowTuple("tcp", IPAddress.Parse(own), ownPort, IPAddress.Parse(other), otherPort),
    };
}
