using System.Text.Json;
using Collector.Linux.Tests.Probes;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Kinds of devices that kernels of distributions have and this machine's may not: rows and totals are what
/// <c>ip -s -j link</c> shows.
/// </summary>
public sealed class LinkKindTests
{
    /// <summary>Makes a datapath with an internal port and veth0; the tools of Open vSwitch need its daemons.</summary>
    private const string OpenSwitch = """
        import os, socket, struct, sys
        generic = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        def number(n): return struct.pack("I", n)
        def text(name): return name.encode() + b"\0"
        def attribute(kind, value):
            return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
        def ask(family, command, version, body):
            body = struct.pack("BBH", command, version, 0) + body
            generic.send(struct.pack("IHHII", 16 + len(body), family, 5, 1, 0) + body)
            found = b""
            while True:
                data, at = generic.recv(65536), 0
                while at < len(data):
                    length, kind = struct.unpack_from("IH", data, at)
                    if kind == 2:
                        error = struct.unpack_from("i", data, at + 16)[0]
                        return found if error == 0 else sys.exit(os.strerror(-error))
                    found = data[at:at + length]
                    at += (length + 3) & ~3
        def family(name):
            reply, at = ask(16, 3, 1, attribute(2, text(name))), 20
            while at < len(reply):
                length, kind = struct.unpack_from("HH", reply, at)
                if kind == 1:
                    return struct.unpack_from("H", reply, at + 4)[0]
                at += (length + 3) & ~3
        ask(family("ovs_datapath"), 1, 2, number(0) + attribute(1, text("ovs0")) + attribute(2, number(0)))
        ports, switch = family("ovs_vport"), number(socket.if_nametoindex("ovs0"))
        for name, kind in (("port1", 2), ("veth0", 1)):
            ask(ports, 1, 1, switch + attribute(2, number(kind)) + attribute(3, text(name)) + attribute(5, number(0)))
        """;

    [RequiresLinkFact("vrf", "ping")]
    public void A_vrf_counts_at_its_port()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Left;
        ns.Ip("link add blue type vrf table 100", "link set blue up", "link set veth0 master blue");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        pair.Right.Run("ping", "-c", "20", "-i", "0.01", "-s", "1000", TestNetnsPair.LeftIPv4);
        var devices = ShouldAgree(run, ns, "veth0", atLeast: 20_000);
        devices["blue"].Received.ShouldBeGreaterThan(20_000, "what would be counted twice");
    }

    [RequiresLinkFact("wireguard", "wg", "ping")]
    public void A_wireguard_counts_where_nothing_carries_it_and_not_beside_what_does()
    {
        using var pair = new TestNetnsPair();
        using var pod = new TestNetns();
        var folder = Directory.CreateTempSubdirectory("netlens-wg-");
        try
        {
            var (left, right) = ($"{folder.FullName}/left", $"{folder.FullName}/right");
            var (ofLeft, ofRight) = (NewKey(left), NewKey(right));
            AddWireguard(pair.Left, left, ofRight, TestNetnsPair.RightIPv4);
            AddWireguard(pair.Right, right, ofLeft, TestNetnsPair.LeftIPv4);
            pair.Left.Ip($"link set wg0 netns {pod.Name}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        pod.Ip("addr add 203.0.113.1/24 dev wg0", "link set wg0 up");
        pair.Right.Ip("addr add 203.0.113.2/24 dev wg0", "link set wg0 up");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        pod.Run("ping", "-c", "20", "-i", "0.01", "-s", "1000", "203.0.113.2");
        ShouldAgree(run, pod, "wg0", atLeast: 20_000);
        ShouldAgree(run, pair.Right, "veth0", atLeast: 20_000)["wg0"].Received.ShouldBeGreaterThan(20_000);
    }

    [RequiresLinkFact("openvswitch", "python3", "ping")]
    public void An_Open_vSwitch_counts_at_its_port_and_in_the_namespace_that_an_internal_port_is_moved_to()
    {
        using var unloaded = new Unloaded("openvswitch");
        using var pair = new TestNetnsPair();
        using var pod = new TestNetns();
        pair.Left.Run("python3", "-S", "-c", OpenSwitch);
        pair.Left.Ip("link set ovs0 up", $"link set port1 netns {pod.Name}");
        pod.Ip("addr add 203.0.113.1/24 dev port1", "link set port1 up",
            "neigh add 203.0.113.2 lladdr 02:00:00:00:00:02 dev port1");
        pair.Right.Ip($"neigh replace {TestNetnsPair.LeftIPv4} lladdr 02:00:00:00:00:01 dev veth0");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        // Without a flow nobody answers.
        pod.Try("ping", "-c", "20", "-i", "0.01", "-W", "1", "-s", "1000", "203.0.113.2");
        pair.Right.Try("ping", "-c", "20", "-i", "0.01", "-W", "1", "-s", "1000", TestNetnsPair.LeftIPv4);
        ShouldAgree(run, pod, "port1", atLeast: 20_000);
        ShouldAgree(run, pair.Left, "veth0", atLeast: 20_000).Keys.ShouldContain("ovs0");
    }

    /// <summary>
    /// A module that is loaded meanwhile, and goes again: with openvswitch of 5.10 connection tracking puts the
    /// fragments of every namespace together that is made from then on.
    /// </summary>
    private sealed class Unloaded(string module) : IDisposable
    {
        private readonly bool _stays = Directory.Exists($"/sys/module/{module}");

        public void Dispose()
        {
            // Namespaces that use it still end. What it needs may have been there before.
            for (var i = 0; !_stays && i < 100 && Shell.Try("rmmod", module).Code != 0; i++)
                Thread.Sleep(100);
        }
    }

    /// <summary>Every device's row is what ip(8) shows, and the total is the figures of the one that counts.</summary>
    /// <returns>All devices.</returns>
    private static Dictionary<string, (long Received, long Sent)> ShouldAgree(
        KernelProbeRun run, TestNetns ns, string counts, long atLeast)
    {
        Dictionary<string, (long Received, long Sent)> shown = [];
        KernelProbeRun.Eventually(() =>
        {
            shown = Shown(ns);
            var rows = shown.Keys.ToDictionary(d => d, d => run.Row("netdev", ns, d));
            var total = run.Row("netdev.total", ns);
            if (!shown.SequenceEqual(Shown(ns)))
                return false;
            foreach (var (device, row) in rows)
                (row["system.network.io/receive"], row["system.network.io/transmit"]).ShouldBe(shown[device], device);
            (total["netlens.netdev.io/receive"], total["netlens.netdev.io/transmit"]).ShouldBe(shown[counts], counts);
            return shown[counts].Received + shown[counts].Sent >= atLeast;
        });
        return shown;
    }

    private static Dictionary<string, (long Received, long Sent)> Shown(TestNetns ns)
    {
        using var links = JsonDocument.Parse(ns.Run("ip", "-s", "-j", "link"));
        return links.RootElement.EnumerateArray()
            .Where(l => l.GetProperty("ifname").GetString() != "lo")
            .ToDictionary(l => l.GetProperty("ifname").GetString()!, l => (Bytes(l, "rx"), Bytes(l, "tx")));

        static long Bytes(JsonElement link, string direction) =>
            link.GetProperty("stats64").GetProperty(direction).GetProperty("bytes").GetInt64();
    }

    private static string NewKey(string file) =>
        Shell.Run("bash", "-c", $"umask 077; wg genkey | tee '{file}' | wg pubkey").Trim();

    private static void AddWireguard(TestNetns ns, string key, string peer, string endpoint)
    {
        ns.Ip("link add wg0 type wireguard");
        ns.Run("wg", "set", "wg0", "listen-port", "51820", "private-key", key, "peer", peer,
            "allowed-ips", "203.0.113.0/24", "endpoint", $"{endpoint}:51820");
    }
}

/// <summary>A test of a kind of device. Skipped where this kernel has no such module; the lab's kernels have.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresLinkFactAttribute : FactAttribute
{
    public RequiresLinkFactAttribute(string module, params string[] tools) =>
        Skip = RootSupport.WhyNot(tools) ?? WhyNotModule(module);

    /// <summary>Null when the kernel has it, else the reason for a skip.</summary>
    public static string? WhyNotModule(string module) =>
        LabMachine.Kernel is not null || IsThere(module) ? null : $"this kernel has no {module}";

    private static bool IsThere(string module) => Directory.Exists($"/sys/module/{module}")
        || (Shell.Find("modprobe") is not null && Shell.Try("modprobe", "-n", "-q", module).Code == 0);
}
