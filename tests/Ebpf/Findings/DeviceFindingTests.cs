using Collector.Core.Events;
using Collector.Linux.Findings.Devices;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Faults of devices and their queues, caused, and what is found of them.</summary>
public sealed class DeviceFindingTests
{
    private const string Device = TestNetnsPair.Interface;

    [RequiresBpfFact("tc")]
    public void A_queue_that_more_is_sent_to_than_it_may_send()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        TransmitLab.SetQueue(pair.Left, "tbf", "rate", "64kbit", "burst", "1600", "limit", "3000");
        var found = run.Await(QdiscDrop.Kind, pair.Left,
            () => DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 9, count: 60, size: 500));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(Device);
        found.Sentence.ShouldMatch(
            $@"^network namespace {pair.Left.Name} drops \d+ of \d+ packets in the queue of {Device} \(tbf\): more is sent ");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Left.Name} tc -s qdisc show dev {Device}");
        pair.Left.Run("tc", "-s", "qdisc", "show", "dev", Device).ShouldMatch("dropped [1-9]");
        run.Of(pair.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("tc")]
    public void A_queue_in_which_packets_wait_long()
    {
        var run = FindingRun.Others;
        using var pair = DropTraffic.Pair();
        TransmitLab.SetQueue(pair.Left, "tbf", "rate", "64kbit", "burst", "1600", "limit", "10000000");
        var found = run.Await(QueueingDelay.Kind, pair.Left,
            () => DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 9, count: 10, size: 500));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe($"queue of {Device}");
        found.Sentence.ShouldMatch(
            $@"^network namespace {pair.Left.Name} lets packets wait in the queue of {Device}, up to [\d.]+ ms: more is sent ");
        run.Of(pair.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("ip")]
    public void A_link_that_goes_down_and_up()
    {
        var run = FindingRun.Others;
        using var pair = DropTraffic.Pair();
        run.Collect();
        var before = Changes(pair.Left);
        var found = run.Await(LinkFlap.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 3; i++)
                pair.Right.Ip($"link set {Device} down", $"link set {Device} up");
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(Device);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} loses the link of {Device} again and again, ");
        (Changes(pair.Left) - before).ShouldBeGreaterThanOrEqualTo(4);
        run.Of(pair.Left).ShouldBe([found]);
    }

    [RequiresTunFact("/usr/bin/python3", "ip")]
    public void A_tunnel_whose_program_does_not_read()
    {
        const string Holder = """
            import fcntl, os, struct, sys, time
            f = os.open('/dev/net/tun', os.O_RDWR)
            fcntl.ioctl(f, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
            print('in', flush=True)
            time.sleep(600)
            """;
        var run = FindingRun.Shared;
        using var ns = new TestNetns();
        ns.Start("/usr/bin/python3", "-c", Holder).StandardOutput.ReadLine().ShouldBe("in");
        ns.Ip("link set tun0 txqueuelen 10", "addr add 10.9.0.1/24 dev tun0", "link set tun0 up");
        var found = run.Await(FullRing.Kind, ns, () => DropTraffic.Datagrams(ns, "10.9.0.2", 9, count: 60));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {ns.Name} drops \d+ packets for a virtual device whose reader is too ");
        ns.Run("ip", "-s", "link", "show", "tun0").ShouldContain("TX:");
        run.Of(ns).ShouldBe([found]);
    }

    /// <summary>Only where the kernel has a reason for it.</summary>
    [RequiresBpfFact("tc")]
    public void A_filter_that_drops()
    {
        if (!Reasons.Has("TC_INGRESS"))
            return;
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Run("tc", "qdisc", "add", "dev", Device, "clsact");
        // A program of one instruction: it returns TC_ACT_SHOT.
        pair.Right.Run("tc", "filter", "add", "dev", Device, "ingress", "protocol", "ip", "prio", "1", "bpf",
            "bytecode", "1,6 0 0 2,", "direct-action");
        var found = run.Await(ProgramDrop.Kind, pair.Right,
            () => DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 4243, count: 20));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe("TC_INGRESS udp to 192.0.2.2:4243");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} has a tc filter or its eBPF program, at ingress, ");
        pair.Right.Run("tc", "-s", "qdisc", "show", "dev", Device).ShouldMatch("dropped [1-9]");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("tc", "ip")]
    public void Queues_with_room_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        TransmitLab.SetQueue(pair.Left, "pfifo", "limit", "1000");
        pair.Right.Run("tc", "qdisc", "add", "dev", Device, "clsact");
        run.ShouldBeSilent(() => DropTraffic.Healthy(pair), pair.Left, pair.Right);
    }

    private static long Changes(TestNetns ns) => ns.Inside(() =>
        long.Parse(ns.Run("cat", $"/sys/class/net/{Device}/carrier_changes")));
}
