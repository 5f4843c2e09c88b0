using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Events;

/// <summary>The line for people.</summary>
public sealed class EventTextTests
{
    private static readonly SubjectNames Web = new("cni-1", "shop", "web-0", "uid-1");

    private static NetworkEvent Event(Subject? subject, EventProcess? process = null, FlowTuple? tuple = null) => new()
    {
        Info = new() { Name = "netlens.test.event", Severity = EventSeverity.Warn, Description = "It happened." },
        Time = 1, ObservedTime = 1, Message = "", Subject = subject, Process = process, Tuple = tuple,
    };

    private static string Text(Subject? subject, EventProcess? process = null, string? role = "running:") =>
        EventText.Of(Event(subject, process), "sent reset", role);

    [Fact]
    public void It_names_the_pod_or_else_what_is_known_of_the_namespace()
    {
        Text(null).ShouldBe("sent reset");
        Text(new NetNamespace(1, 1, true, 0)).ShouldBe("sent reset");
        Text(new NetNamespace(8, 2, false, 0, Web)).ShouldBe("sent reset; pod shop/web-0");
        Text(new Subject(SubjectKind.Pod, 1, 1, 0, Web) { HostNetwork = true })
            .ShouldBe("sent reset; pod shop/web-0 (host network)");
        Text(new NetNamespace(8, 3, false, 0, new("blue"))).ShouldBe("sent reset; network namespace blue");
        Text(new NetNamespace(8, 4, false, 0)).ShouldBe("sent reset; network namespace 8");
        Text(new NetNamespace(8, 5, false, 0, new("blue") { Unit = "a.service" })).ShouldBe("sent reset; a.service");
        Text(new NetNamespace(8, 6, false, 0, new() { ContainerId = "0123456789abcdef" }))
            .ShouldBe("sent reset; container 0123456789ab");
    }

    [Fact]
    public void It_names_the_process_and_its_pod_where_that_is_another()
    {
        var pod = new NetNamespace(8, 2, false, 0, Web);
        var nginx = new EventProcess(17, 18, "nginx");
        Text(pod, nginx).ShouldBe("sent reset; pod shop/web-0; running: nginx[17]");
        Text(pod, nginx with { Pod = "shop/web-0" }).ShouldBe("sent reset; pod shop/web-0; running: nginx[17]");
        Text(pod, nginx with { Pod = "shop/db-0" }, "asked by")
            .ShouldBe("sent reset; pod shop/web-0; asked by nginx[17] of pod shop/db-0");
        Text(null, nginx with { Pod = "shop/db-0" }, null).ShouldBe("sent reset; nginx[18] is of pod shop/db-0");
        Text(pod, nginx, null).ShouldBe("sent reset; pod shop/web-0");
        Text(pod, new(0, 0, "swapper/1")).ShouldBe("sent reset; pod shop/web-0");
    }

    [Fact]
    public void It_names_the_pods_of_both_ends_once()
    {
        var tuple = new FlowTuple("tcp", IPAddress.Parse("192.0.2.1"), 80, IPAddress.Parse("192.0.2.2"), 4711)
        {
            SourcePod = "shop/web-0", DestinationPod = "shop/client-0",
        };
        EventText.Of(Event(new NetNamespace(8, 2, false, 0, Web), null, tuple), $"sent reset {tuple}", "running:")
            .ShouldBe("sent reset tcp 192.0.2.1:80 > 192.0.2.2:4711; pod shop/web-0; to pod shop/client-0");
        EventText.Of(Event(null, null, tuple), "dropped", "running:")
            .ShouldBe("dropped; from pod shop/web-0; to pod shop/client-0");
    }

    [Theory]
    [InlineData("igmp", 0, "igmp 10.94.0.1 > 224.0.0.22")]
    [InlineData("254", 0, "protocol 254 10.94.0.1 > 224.0.0.22")]
    [InlineData("icmp", 0, "icmp 10.94.0.1 > 224.0.0.22")]
    [InlineData("udp", 53, "udp 10.94.0.1:53 > 224.0.0.22:0")]
    public void Ends_have_ports_only_where_their_protocol_has(string transport, int port, string text) =>
        new FlowTuple(transport, IPAddress.Parse("10.94.0.1"), port, IPAddress.Parse("224.0.0.22"), 0)
            .ToString().ShouldBe(text);
}
