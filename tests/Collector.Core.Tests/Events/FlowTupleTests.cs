using System.Net;
using Collector.Core.Events;

namespace Collector.Core.Tests.Events;

/// <summary>Both ends of a packet in a line for people.</summary>
public sealed class FlowTupleTests
{
    [Theory]
    [InlineData("udp", "10.94.0.1", 4000, "10.94.0.2", 53, "udp 10.94.0.1:4000 > 10.94.0.2:53")]
    [InlineData("tcp", "2001:db8::1", 4000, "2001:db8::2", 80, "tcp [2001:db8::1]:4000 > [2001:db8::2]:80")]
    // No port is not port 0: of protocols without, and of fragments.
    [InlineData("igmp", "10.94.0.1", 0, "224.0.0.22", 0, "igmp 10.94.0.1 > 224.0.0.22")]
    [InlineData("icmpv6", "fe80::1", 0, "ff02::1", 0, "icmpv6 fe80::1 > ff02::1")]
    [InlineData("udp", "10.94.0.1", 0, "10.94.0.2", 53, "udp 10.94.0.1:0 > 10.94.0.2:53")]
    public void Is_readable(string transport, string source, int sport, string target, int dport, string text) =>
        new FlowTuple(transport, IPAddress.Parse(source), sport, IPAddress.Parse(target), dport).ToString()
            .ShouldBe(text);
}
