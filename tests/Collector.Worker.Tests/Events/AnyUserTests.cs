using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;

namespace Collector.Worker.Tests.Events;

/// <summary>What a user without any rights on the node can do to the running agent.</summary>
[Collection(AloneCollection.Name)]
public sealed class AnyUserTests
{
    private const int Namespaces = 100;
    private const int First = 100;
    private const int Faults = 20;
    private const int Enough = 20_000;

    private const string Config = """
        collection: { interval: 1s }
        pods: { runtimeEndpoint: none }
        events: { burst: 100, window: 1s, recent: 1000 }
        probes: { tcpreset: { burst: 100 } }
        ebpf: { eventBuffer: 64KiB }
        """;

    // Each connects to nobody in its own namespace, as fast as it can: resets and refused packets without end. With what
    // the processors have left: who gets them is not the agent's matter.
    private const string Flood = "ip link set lo up; while :; do { :; } 3<>/dev/tcp/127.0.0.1/9; done";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [RequiresRootFact("setpriv", "unshare")]
    public void Floods_in_namespaces_of_a_user_take_no_event_of_a_pod_and_no_answer_of_the_agent()
    {
        using var pod = new TestNetns();
        using var agent = new AgentProcess(Config);
        Eventually(() => Connect(pod, 1), () => Ports(agent, pod).Contains(1), "the first reset is seen");

        using var user = AnyUser.OfHost();
        user.Start(Namespaces, $"nice -n 19 unshare -Urn bash -c '{Flood}'");
        AwaitFlood(agent);
        for (var port = First; port < First + Faults; port++)
        {
            Connect(pod, port);
            // Each throws at anything but 200.
            foreach (var path in (string[])["/healthz", "/readyz", "/metrics"])
                agent.Get(path).ShouldNotBeEmpty();
        }
        AwaitFlood(agent);
        Eventually(() => { }, () => Ports(agent, pod).Contains(First + Faults - 1), "the last reset is seen");
        Ports(agent, pod).Where(p => p >= First).ShouldBe(Enumerable.Range(First, Faults));
    }

    // It is more than the agent lets through, and goes on.
    private static void AwaitFlood(AgentProcess agent)
    {
        var before = HeldBack(agent);
        Eventually(() => { }, () => HeldBack(agent) > before + Enough, $"{Enough} more events are held back");
    }

    // The ports that the pod's events say a reset was sent from, in order.
    private static IEnumerable<int> Ports(AgentProcess agent, TestNetns pod) =>
        agent.Get($"/events?kind=tcpreset.sent&netns={pod.Name}&since=0&follow=false")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonDocument.Parse(l).RootElement)
            .Where(e => e.TryGetProperty("attributes", out _))
            .Select(e => e.GetProperty("attributes").GetProperty("source.port").GetInt32());

    private static double HeldBack(AgentProcess agent) => agent.Get("/metrics").Split('\n')
        .Where(l => l.StartsWith("netlens_events_held_back_total", StringComparison.Ordinal))
        .Sum(l => double.Parse(l.Split(' ')[^1], CultureInfo.InvariantCulture));

    private static void Connect(TestNetns pod, int port) => pod.Inside(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        return Should.Throw<SocketException>(() => socket.Connect(IPAddress.Loopback, port)).SocketErrorCode;
    }).ShouldBe(SocketError.ConnectionRefused);

    private static void Eventually(Action act, Func<bool> isSo, string what)
    {
        for (var clock = Stopwatch.StartNew(); !isSo(); Thread.Sleep(200))
        {
            clock.Elapsed.ShouldBeLessThan(Patience, what);
            act();
        }
    }
}
