using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Pods;
using Collector.Linux.Pods.Cri;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Without a runtime, and with one that is none; tests/Pods has real ones.</summary>
public sealed class PodsTests
{
    [Fact]
    public void Without_a_runtime_there_are_no_pods_and_nothing_fails()
    {
        using var run = new FileProbeRun("pods", FileProbeRun.Fixture("6.12"));
        var series = run.Collect();
        series.Value("netlens.pods.runtime.connected").ShouldBe(0);
        series.Value("netlens.pods.identities").ShouldBe(0);
        series.Value("netlens.pods.unresolved").ShouldBe(0);
        run.Failures.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_failure_of_a_call_names_the_socket_and_what_is_wrong_with_it()
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.sock");
        using var client = new CriClient(path);
        var failure = await Should.ThrowAsync<CriException>(() => AskAsync(client));
        failure.Reason.ShouldBe("connect");
        failure.Message.ShouldBe($"{path}: there is no such socket");
    }

    [Fact]
    public async Task A_socket_that_speaks_something_else_is_said_to()
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(4);
        var answer = Task.Run(() =>
        {
            using var accepted = listener.Accept();
            accepted.Send("220 mail.example.com ESMTP ready, how may I help you today?\r\n"u8);
            try
            {
                accepted.Receive(new byte[1000]);
            }
            catch (SocketException)
            {
                // The client hung up before it had read everything: a reset.
            }
        });
        try
        {
            using var client = new CriClient(path);
            var failure = await Should.ThrowAsync<CriException>(() => AskAsync(client));
            failure.Reason.ShouldBe("protocol");
            failure.Message.ShouldStartWith($"{path}: Version: ");
            await answer.WaitAsync(TimeSpan.FromSeconds(10));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [RequiresRootFact]
    public void The_addresses_of_this_node_are_those_that_ip_tells()
    {
        using var run = new KernelProbeRun("pods");
        KernelProbeRun.Eventually(() => OfNode(run.Collect()).SequenceEqual(Told(Shell.Run("ip", "-j", "addr"))));
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void Of_the_node_those_addresses_count_that_are_global_and_on_a_device_that_is_up()
    {
        using var ns = new TestNetns();
        ns.Ip("link add up0 type veth peer name up1", "link set up0 up", "link set up1 up",
            "addr add 192.0.2.1/24 dev up0", "addr add 192.0.2.1/32 dev lo", "addr add 203.0.113.9/24 scope link dev up0",
            "addr add 10.0.0.1 peer 10.0.0.2 dev up0", "addr add 2001:db8::1/64 dev up0 nodad",
            "link add kube-ipvs0 type veth peer name other", "addr add 198.51.100.1/32 dev kube-ipvs0",
            "addr add 2001:db8::5/128 dev kube-ipvs0 nodad");
        KernelProbeRun.WaitForCarrier(ns);
        using var run = KernelProbeRun.OfNode(ns, "pods");
        OfNode(run.Collect()).ShouldBe(["10.0.0.1", "192.0.2.1", "2001:db8::1"]);
        OfNode(run.Collect()).ShouldBe(Told(ns.Run("ip", "-j", "addr")));

        ns.Ip("addr del 192.0.2.1/24 dev up0", "addr add 192.0.2.3/24 dev up0", "link set other up",
            "link set kube-ipvs0 up");
        string[] all = ["10.0.0.1", "192.0.2.1", "192.0.2.3", "198.51.100.1", "2001:db8::1", "2001:db8::5"];
        KernelProbeRun.Eventually(() => OfNode(run.Collect()).SequenceEqual(all));
        OfNode(run.Collect()).ShouldBe(Told(ns.Run("ip", "-j", "addr")));
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void Addresses_are_asked_for_again_only_where_the_kernel_tells_of_a_change()
    {
        using var ns = new TestNetns();
        ns.Ip("link add up0 type veth peer name up1", "link set up0 up", "link set up1 up",
            "addr add 192.0.2.1/24 dev up0");
        KernelProbeRun.WaitForCarrier(ns);
        using var run = KernelProbeRun.OfNode(ns, "pods");
        var addresses = run.Host.Namespaces.Host.Source<NodeAddresses>;
        // A device that has just come up is told of more than once.
        KernelProbeRun.Eventually(() =>
        {
            run.Collect();
            var asked = addresses().Asked;
            for (var i = 0; i < 3; i++)
                OfNode(run.Collect()).ShouldBe(["192.0.2.1"]);
            return addresses().Asked == asked;
        });
        ns.Ip("addr add 192.0.2.2/24 dev up0");
        OfNode(run.Collect()).ShouldBe(["192.0.2.1", "192.0.2.2"]);
        ns.Ip("addr del 192.0.2.2/24 dev up0", "addr add 2001:db8::1/64 dev up0 nodad");
        OfNode(run.Collect()).ShouldBe(["192.0.2.1", "2001:db8::1"]);
        // Of IPv4 the kernel tells nothing where a device only loses its carrier, and its addresses stay.
        ns.Sysctl("net.ipv6.conf.up0.disable_ipv6", "1");
        OfNode(run.Collect()).ShouldBe(["192.0.2.1"]);
        ns.Ip("link set up1 down");
        KernelProbeRun.Eventually(() => OfNode(run.Collect()).Length == 0);
        ns.Ip("link set up1 up");
        KernelProbeRun.Eventually(() => OfNode(run.Collect()).SequenceEqual(["192.0.2.1"]));
        // More than the socket has room for; what matters comes last.
        ns.Ip([
            .. Enumerable.Range(0, 1500).SelectMany(static _ => new[]
            {
                "addr add 198.51.100.7/32 dev lo", "addr del 198.51.100.7/32 dev lo",
            }),
            "addr del 192.0.2.1/24 dev up0",
        ]);
        OfNode(run.Collect()).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void More_addresses_than_a_node_has_are_cut_and_that_is_said()
    {
        using var ns = new TestNetns();
        ns.Ip([.. Enumerable.Range(1, NodeAddresses.Most + 1).Select(i => $"addr add 192.0.2.{i}/32 dev lo")]);
        using var run = KernelProbeRun.OfNode(ns, "pods");
        OfNode(run.Collect()).Length.ShouldBe(NodeAddresses.Most);
        run.Failures.ShouldBe(["node_addresses_over_limit"]);
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var ns = new TestNetns();
        ns.Ip("addr add 192.0.2.1/32 dev lo");
        KernelProbeRun.AllocatedInHundred("pods", ns).ShouldBe(0);
    }

    [Fact]
    public void Of_an_address_and_its_peers_the_own_one_is_taken_and_every_cut_is_refused_or_read()
    {
        var header = new ifaddrmsg { ifa_family = 2, ifa_index = 7 };
        var bytes = new MessageBytes().Struct(header).Attribute(Rtnl.IFA_ADDRESS, [10, 0, 0, 2])
            .Attribute(Rtnl.IFA_LOCAL, [10, 0, 0, 1]).Bytes;
        NodeAddresses.TryParse(new NetlinkMessage(Rtnl.RTM_NEWADDR, bytes), out var device, out var address)
            .ShouldBeTrue();
        (device, address).ShouldBe((7, SocketMessage.Mapped(0x0a000001)));
        for (var length = 0; length < bytes.Length; length++)
        {
            _ = NodeAddresses.TryParse(
                new NetlinkMessage(Rtnl.RTM_NEWADDR, bytes.AsSpan(0, length)), out _, out _);
        }
        header.ifa_scope = 253; // link
        bytes = new MessageBytes().Struct(header).Attribute(Rtnl.IFA_LOCAL, [10, 0, 0, 1]).Bytes;
        NodeAddresses.TryParse(new NetlinkMessage(Rtnl.RTM_NEWADDR, bytes), out _, out address).ShouldBeTrue();
        address.ShouldBe((UInt128)0);
    }

    private static string[] OfNode(Snapshot snapshot)
    {
        if (snapshot.Tables.SingleOrDefault(t => t.Info.Id == "pods.node") is not { } table)
            return [];
        var metric = table.Info.Metrics.Single();
        metric.KubeSkoop.ShouldBe(["kubeskoop_info_node"]);
        return
        [
            .. Enumerable.Range(0, table.Count).Where(i => table.Column(metric)[i] == 1)
                .Select(i => table.Rows[i].Tags[1].Text).Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Global addresses of devices that are up and have carrier, as ip(8) tells them.</summary>
    private static string[] Told(string json) =>
    [
        .. JsonDocument.Parse(json).RootElement.EnumerateArray()
            .Where(device => Flags(device) is var flags && flags.Contains("UP") && !flags.Contains("NO-CARRIER"))
            .SelectMany(device => device.GetProperty("addr_info").EnumerateArray())
            .Where(address => address.GetProperty("scope").GetString() == "global")
            .Select(address => IPAddress.Parse(address.GetProperty("local").GetString()!).ToString())
            .Distinct().Order(StringComparer.Ordinal),
    ];

    private static string?[] Flags(JsonElement device) =>
        [.. device.GetProperty("flags").EnumerateArray().Select(f => f.GetString())];

    private static Task<VersionResponse> AskAsync(CriClient client) =>
        client.CallAsync("Version", static (c, o) => c.VersionAsync(new VersionRequest(), o), CancellationToken.None);

    [Theory]
    [InlineData("unix:///run/x.sock", "/run/x.sock")]
    [InlineData("/run/y.sock", "/run/y.sock")]
    [InlineData("", null)]
    public void A_configured_socket_is_taken_at_its_word_and_a_recorded_tree_has_none(
        string configured, string? found) =>
        RuntimeSockets.Find(FileProbeRun.Fixture("6.12"), configured).ShouldBe(found);
}
