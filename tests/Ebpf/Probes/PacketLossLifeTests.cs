using System.Net;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Node;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Namespaces that come and go, settings that change, maps and buffers of other sizes and kinds.</summary>
public sealed class PacketLossLifeTests
{
    private const string Drops = "netlens.packetloss.drops";
    private const string Total = "kubeskoop_packetloss_total";
    private const string Loopback = "127.0.0.1";

    [RequiresBpfFact]
    public void A_namespace_that_is_gone_takes_its_entries_along()
    {
        using var run = new BpfProbeRun("packetloss");
        var inodes = new List<ulong>();
        for (var i = 0; i < 4; i++)
        {
            using var ns = new TestNetns();
            var inode = ns.Inode;
            inodes.Add(inode);
            // One whose number was in use before begins at zero too.
            run.Sum(Drops, ns).ShouldBe(0);
            DropTraffic.Datagrams(ns, Loopback, 9, count: 5);
            run.Sum(Drops, ns).ShouldBe(5);
            run.Sum(Total, ns).ShouldBe(5);
        }
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            Entries(run).Select(k => (ulong)k.Netns).Intersect(inodes).ShouldBeEmpty();
        });
        run.Collect();
        foreach (var inode in inodes)
            run.Sum(Total, inode).ShouldBe(0);
    }

    [RequiresBpfFact("unshare", "bash")]
    public void A_namespace_that_nobody_found_counts_by_its_number()
    {
        using var run = new BpfProbeRun("packetloss");
        var said = Shell.Run("unshare", "-n", "bash", "-c",
            "ip link set lo up; stat -L -c %i /proc/self/ns/net; "
            + "for i in 1 2 3; do echo x > /dev/udp/127.0.0.1/9; done");
        var inode = ulong.Parse(said.Split('\n')[0]);
        run.Sum(Drops, inode).ShouldBe(3);
        run.Sum(Total, inode).ShouldBe(3);
        run.Sum(Drops, inode).ShouldBe(3);
    }

    [RequiresBpfFact]
    public void Strangers_are_forgotten_when_they_are_quiet_for_long_or_room_is_scarce()
    {
        using var run = new BpfProbeRun("packetloss");
        const long Minute = 60_000_000_000;
        foreach (var scarce in new[] { false, true })
        {
            var owners = new CountedNamespaces(run.Host);
            var forgotten = new List<ulong>();
            owners.Begin(Minute, scarce: false, ns => forgotten.Add(ns.Inode));
            var stranger = owners.Find(4_000_000_001, 77).ShouldNotBeNull();
            var host = owners.Find((uint)run.Host.Namespaces.Host.Namespace.Inode, 0).ShouldNotBeNull();
            owners.Note(stranger, changed: true).ShouldBe(CountedState.Alive);
            owners.Begin(2 * Minute, scarce: false, ns => forgotten.Add(ns.Inode));
            owners.Note(stranger, changed: true).ShouldBe(CountedState.Alive);
            owners.Begin(4 * Minute, scarce, ns => forgotten.Add(ns.Inode));
            owners.Note(stranger, changed: false).ShouldBe(CountedState.Alive);
            owners.Begin(scarce ? 5 * Minute : 8 * Minute, scarce, ns => forgotten.Add(ns.Inode));
            owners.Note(stranger, changed: false).ShouldBe(CountedState.Expired);
            owners.Note(host, changed: false).ShouldBe(CountedState.Alive);
            forgotten.ShouldBe([4_000_000_001UL]);
        }
    }

    [RequiresBpfFact]
    public void A_full_map_keeps_the_totals_exact()
    {
        using var node = new WholeNode("packetloss");
        using var run = new BpfProbeRun("packetloss", null, ("entries", "64"));
        var namespaces = Enumerable.Range(0, 30).Select(_ => new TestNetns()).ToArray();
        try
        {
            run.Collect();
            foreach (var ns in namespaces)
            {
                DropTraffic.Datagrams(ns, Loopback, 9, count: 7);
                DropTraffic.Connect(ns, Loopback, 9).ShouldBeFalse();
                DropTraffic.Connect(ns, "::1", 9).ShouldBeFalse();
            }
            var counted = namespaces.Sum(ns => run.Sum(Drops, ns));
            var nobody = run.Sum("netlens.packetloss.unattributed", inode: null, "_other");
            var sent = namespaces.Length * 9;
            (counted + nobody).ShouldBeInRange(sent, sent + node.Beside(sent));
            namespaces.Sum(ns => run.Sum(Drops, ns, "_other")).ShouldBeGreaterThan(0);
            Losses(run, 1).ShouldBeGreaterThan(0);
            // 8 entries for namespaces without room, so some have not even that.
            nobody.ShouldBeGreaterThan(0);
        }
        finally
        {
            foreach (var ns in namespaces)
                ns.Dispose();
        }
        using var late = new TestNetns();
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            Entries(run).Length.ShouldBeLessThan(32);
        });
        run.Collect();
        DropTraffic.Datagrams(late, Loopback, 9, count: 7);
        run.Sum(Drops, late, PacketLossTests.Reason(run, "NO_SOCKET", "__udp4_lib_rcv")).ShouldBe(7);
    }

    [RequiresBpfFact]
    public void Perf_buffers_give_the_same_events()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss", new BpfOptions { PerfBuffers = true });
        var port = DropTraffic.Datagrams(ns, Loopback, 4243);
        var e = run.Events.Await(e => e.Subject?.Inode == ns.Inode);
        e.Tuple.ShouldBe(new FlowTuple("udp", IPAddress.Loopback, port, IPAddress.Loopback, 4243));
        e.Process!.Pid.ShouldBe(Environment.ProcessId);
        run.Sum(Drops, ns).ShouldBe(1);
    }

    [RequiresBpfFact]
    public void A_stack_begins_with_the_place()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss", null, ("stack", "true"));
        DropTraffic.Datagrams(ns, Loopback, 4243);
        var e = run.Events.Await(e => e.Subject?.Inode == ns.Inode);
        e.Stack.Count.ShouldBeGreaterThan(3);
        e.Stack[0].ShouldBe(e.Fields[1]!.Value.Text);
        e.Stack.ShouldContain(s => s.StartsWith("ip_", StringComparison.Ordinal));
    }

    [RequiresBpfFact]
    public void Settings_change_without_a_reload()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        var loaded = run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object;
        DropTraffic.Datagrams(ns, Loopback, 4243);
        run.Events.Await(e => e.Subject?.Inode == ns.Inode);

        Reconfigure(run, ("burst", "0")).ShouldBeTrue();
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 3);
        run.Sum(Drops, ns).ShouldBe(4);

        var (option, value) = PacketLossTests.Reason(run, "ignore", "ignoreFunctions") == "ignore"
            ? ("ignore", "NO_SOCKET")
            : ("ignoreFunctions", "__udp4_lib_rcv");
        Reconfigure(run, (option, value)).ShouldBeTrue();
        run.Sum(Drops, ns).ShouldBe(0);
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 3);
        run.Sum(Drops, ns).ShouldBe(0);
        run.Sum(Total, ns).ShouldBe(0);

        Reconfigure(run, ("ignore", "")).ShouldBeTrue();
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 2);
        run.Sum(Drops, ns).ShouldBe(2);

        Thread.Sleep(200);
        run.Events.All.Count(e => e.Subject?.Inode == ns.Inode).ShouldBe(3);
        run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object.ShouldBeSameAs(loaded);
        Reconfigure(run, ("entries", "128")).ShouldBeFalse();
    }

    [RequiresBpfFact]
    public void A_function_can_be_ignored()
    {
        using var ns = new TestNetns();
        // Which function it is differs: __udp4_lib_rcv, or udp_rcv where the compiler put the one into the other.
        var (ipv4, ipv6) = (FunctionFor(ns, Loopback), FunctionFor(ns, "::1"));
        using var run = new BpfProbeRun("packetloss", null, ("ignoreFunctions", $"{ipv4},{ipv4}:NO_SOCKET"));
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 3);
        DropTraffic.Datagrams(ns, "::1", 4243, count: 3);
        run.Events.Await(e => e.Subject?.Inode == ns.Inode && e.Tuple?.Transport == "udp");
        run.Sum(Drops, ns, PacketLossTests.Reason(run, "NO_SOCKET", ipv4), "ipv4").ShouldBe(0);
        run.Sum(Drops, ns, PacketLossTests.Reason(run, "NO_SOCKET", ipv6), "ipv6").ShouldBe(3);
        Entries(run).Count(k => k.Netns == ns.Inode && k.Family == 4).ShouldBe(0);
        run.Events.All.ShouldNotContain(e => IsIPv4(e, ns.Inode));
    }

    /// <summary>The function in which this kernel drops a datagram to a closed port.</summary>
    private static string FunctionFor(TestNetns ns, string address)
    {
        using var run = new BpfProbeRun("packetloss");
        DropTraffic.Datagrams(ns, address, 4243, count: 1);
        var e = run.Events.Await(e => e.Subject?.Inode == ns.Inode && e.Tuple?.Transport == "udp");
        var location = e.Fields[e.Info.Fields.Select(f => f.Key).ToList().IndexOf("netlens.drop.location")];
        return location!.Value.Text.Split('+')[0];
    }

    [RequiresBpfFact]
    public void A_reason_can_be_counted_silently()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss", null, ("silent", "NO_SOCKET,NO_SUCH_REASON"));
        run.Host.Bpf.Notes.ShouldContain(("packetloss", "this kernel has no drop reason NO_SUCH_REASON"));
        if (PacketLossTests.Reason(run, "NO_SOCKET", "") != "NO_SOCKET")
            return;
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 3);
        run.Sum(Drops, ns, "NO_SOCKET").ShouldBe(3);
        Thread.Sleep(200);
        var inode = ns.Inode;
        run.Events.All.Count(e => e.Subject?.Inode == inode).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Collections_allocate_nothing()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        DropTraffic.Datagrams(ns, Loopback, 4243, count: 100);
        DropTraffic.Datagrams(ns, "::1", 4243, count: 100);
        run.Sum(Drops, ns).ShouldBe(200);
        // Others' first drops are met meanwhile: one quiet round is enough.
        BpfProbeRun.Eventually(() => run.Allocated(20).ShouldBe(0));
    }

    internal static PacketLossKey[] Entries(BpfProbeRun run)
    {
        var reader = new BpfMapReader<PacketLossKey, PacketLossValue>(
            run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object.Map("packetloss"));
        reader.Read();
        return reader.Keys.ToArray();
    }

    /// <summary>What the kernel side counted as lost; 0: events, 1: map entries.</summary>
    internal static long Losses(BpfProbeRun run, uint reason)
    {
        var map = run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object.Map("losses");
        var entry = new byte[map.EntrySize];
        map.TryLookup(reason, entry).ShouldBeTrue();
        Span<long> sum = stackalloc long[1];
        PerCpu.Sum(entry, sum);
        return sum[0];
    }

    private static bool IsIPv4(NetworkEvent e, ulong inode) => e.Subject?.Inode == inode
        && e.Tuple is { Transport: "udp" } tuple && tuple.Source.Equals(IPAddress.Loopback);

    private static bool Reconfigure(BpfProbeRun run, params (string Key, string Value)[] settings) =>
        run.Probe.Reconfigure(ProbeSettings.Of(run.Probe.Info, settings));
}
