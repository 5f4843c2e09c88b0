using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Events;

/// <summary>The line for people.</summary>
public sealed class EventTextTests
{
    private static readonly SubjectNames Web = new("cni-1", "shop", "web-0", "uid-1");

    private static readonly NetNamespace Pod = new(8, 2, false, 0, Web);

    private static readonly FlowTuple Tuple =
        new("udp", IPAddress.Parse("192.0.2.1"), 53, IPAddress.Parse("2001:db8::2"), 4711);

    private static readonly FlowTuple Named = Tuple with { SourcePod = "shop/web-0", DestinationPod = "shop/client-0" };

    private static string Text(Subject? subject, EventProcess? process = null, string? role = "running:") =>
        EventText.Of(new()
        {
            Info = new() { Name = "netlens.test.event", Severity = EventSeverity.Warn, Description = "It happened." },
            Time = 1, ObservedTime = 1, Message = "", Subject = subject, Process = process,
        }, "A sent a reset to B", role);

    [Fact]
    public void A_socket_is_its_pod_or_an_address_with_what_is_known_of_its_namespace()
    {
        Local(Pod).ShouldBe("shop/web-0:53");
        Local(new Subject(SubjectKind.Pod, 1, 1, 0, Web) { HostNetwork = true })
            .ShouldBe("shop/web-0:53 (host network)");
        Local(null).ShouldBe("192.0.2.1:53");
        Local(new NetNamespace(1, 1, true, 0)).ShouldBe("192.0.2.1:53");
        Local(new NetNamespace(8, 3, false, 0, new("blue"))).ShouldBe("192.0.2.1:53 (network namespace blue)");
        Local(new NetNamespace(8, 4, false, 0)).ShouldBe("192.0.2.1:53 (network namespace 8)");
        Local(new NetNamespace(8, 5, false, 0, new("blue") { Unit = "a.service" }))
            .ShouldBe("192.0.2.1:53 (a.service)");
        Local(new NetNamespace(8, 6, false, 0, new() { ContainerId = "0123456789abcdef" }))
            .ShouldBe("192.0.2.1:53 (container 0123456789ab)");

        new EventParties(null, Named).Local.ShouldBe("shop/web-0:53");
        new EventParties(null, Named).Remote.ShouldBe("shop/client-0:4711");
        new EventParties(Pod, Tuple).Remote.ShouldBe("[2001:db8::2]:4711");
        new EventParties(Pod, null).Local.ShouldBe("shop/web-0");
        new EventParties(null, null).Local.ShouldBe("a socket");
        new EventParties(null, null).Remote.ShouldBe("somebody");

        static string Local(Subject? subject) => new EventParties(subject, Tuple).Local;
    }

    [Fact]
    public void A_packet_was_where_it_was_dropped_and_came_from_or_went_to_the_other_end()
    {
        Dropped(Pod, Named).ShouldBe("shop/web-0:53 dropped udp to shop/client-0:4711");
        Dropped(Pod, Tuple with { DestinationPod = "shop/web-0" })
            .ShouldBe("shop/web-0:4711 dropped udp from 192.0.2.1:53");
        Dropped(Pod, Tuple).ShouldBe("shop/web-0 dropped udp from 192.0.2.1:53 to [2001:db8::2]:4711");
        // To itself.
        Dropped(Pod, Named with { DestinationPod = "shop/web-0" })
            .ShouldBe("shop/web-0 dropped udp from shop/web-0:53 to shop/web-0:4711");
        Dropped(new NetNamespace(1, 1, true, 0), Named)
            .ShouldBe("the node dropped udp from shop/web-0:53 to shop/client-0:4711");
        Dropped(new NetNamespace(8, 3, false, 0, new("blue")), Tuple)
            .ShouldBe("network namespace blue dropped udp from 192.0.2.1:53 to [2001:db8::2]:4711");
        Dropped(null, Tuple).ShouldBe("dropped udp from 192.0.2.1:53 to [2001:db8::2]:4711");
        Dropped(null, Tuple with { Transport = "254", SourcePort = 0, DestinationPort = 0, SourcePod = "shop/web-0" })
            .ShouldBe("dropped protocol 254 from shop/web-0 to 2001:db8::2");
        Dropped(null, null).ShouldBe("dropped a packet of 60 bytes");
        Dropped(Pod, null).ShouldBe("shop/web-0 dropped a packet of 60 bytes");

        static string Dropped(Subject? subject, FlowTuple? tuple) =>
            new EventParties(subject, tuple).DidToPacket("dropped", "a packet of 60 bytes");
    }

    [Fact]
    public void A_device_is_of_its_pod_or_in_a_namespace()
    {
        new EventParties(Pod, null).Device("eth0").ShouldBe("eth0 of shop/web-0");
        new EventParties(new NetNamespace(1, 1, true, 0), null).Device("eth0").ShouldBe("eth0");
        new EventParties(new NetNamespace(8, 3, false, 0, new("blue")), null).Device("eth0")
            .ShouldBe("eth0 (network namespace blue)");
    }

    [Fact]
    public void It_names_the_process_and_its_pod_where_that_is_another()
    {
        var nginx = new EventProcess(17, 18, "nginx");
        Text(Pod, nginx).ShouldBe("A sent a reset to B; running: nginx[17]");
        Text(Pod, nginx with { Pod = "shop/web-0" }).ShouldBe("A sent a reset to B; running: nginx[17]");
        Text(Pod, nginx with { Pod = "shop/db-0" }, "asked by")
            .ShouldBe("A sent a reset to B; asked by nginx[17] of pod shop/db-0");
        Text(null, nginx with { Pod = "shop/db-0" }, null)
            .ShouldBe("A sent a reset to B; nginx[18] is of pod shop/db-0");
        Text(Pod, nginx, null).ShouldBe("A sent a reset to B");
        Text(Pod, new(0, 0, "swapper/1")).ShouldBe("A sent a reset to B");
    }

    [Fact]
    public void What_others_called_it_commands_no_terminal() =>
        Text(null, new(17, 18, "a\u001b[2J\nb\u202e"))
            .ShouldBe("A sent a reset to B; running: a\uFFFD[2J\uFFFDb\uFFFD[17]");

    [Theory]
    [InlineData("igmp", 0, "igmp 10.94.0.1 > 224.0.0.22")]
    [InlineData("254", 0, "protocol 254 10.94.0.1 > 224.0.0.22")]
    [InlineData("icmp", 0, "icmp 10.94.0.1 > 224.0.0.22")]
    [InlineData("udp", 53, "udp 10.94.0.1:53 > 224.0.0.22:0")]
    public void Ends_have_ports_only_where_their_protocol_has(string transport, int port, string text) =>
        new FlowTuple(transport, IPAddress.Parse("10.94.0.1"), port, IPAddress.Parse("224.0.0.22"), 0)
            .ToString().ShouldBe(text);
}
