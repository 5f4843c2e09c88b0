using System.Diagnostics;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// A minute in which nothing is wrong, with all probes at once: connections and requests now and then, and all that a
/// kernel does by itself meanwhile (neighbours that grow stale, multicast reports).
/// </summary>
public sealed class QuietMinuteTests
{
    [RequiresBpfFact("ping", "nft", "ss", "nstat")]
    public void A_quiet_minute_yields_nothing()
    {
        using var pair = DropTraffic.Pair();
        using var drops = new BpfProbeRun("packetloss");
        using var resets = new BpfProbeRun("tcpreset");
        using var retransmissions = new BpfProbeRun("tcpretrans");
        using var late = new BpfProbeRun("tcptwrcv");
        using var softirqs = new BpfProbeRun("softirq", null, ("slow", "30s"));
        var virtio = VirtioFactAttribute.Unavailable is null ? new BpfProbeRun("virtcmdlatency") : null;
        using var commands = virtio;

        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1);)
        {
            DropTraffic.Healthy(pair);
            Thread.Sleep(9_000);
        }

        ulong[] namespaces = [pair.Left.Inode, pair.Right.Inode];
        DropTraffic.Rows(drops, pair.Left, pair.Right).ShouldBeEmpty();
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            resets.Sum("netlens.tcpreset.resets", ns).ShouldBe(0);
            // A busy machine may send a segment again for nothing.
            retransmissions.Sum("netlens.tcpretrans.segments", ns).ShouldBe(TcpLab.Nstat(ns, "TcpRetransSegs"));
        }
        var again = retransmissions.Sum("netlens.tcpretrans.segments", pair.Left)
            + retransmissions.Sum("netlens.tcpretrans.segments", pair.Right);
        // What is sent again may find its connection ended.
        (late.Sum("netlens.tcptwrcv.segments", pair.Left) + late.Sum("netlens.tcptwrcv.segments", pair.Right))
            .ShouldBeLessThanOrEqualTo(again);
        foreach (var run in new[] { drops, resets, retransmissions, late })
        {
            var events = run.Events.All.Where(e => e.Subject is { } ns && namespaces.Contains(ns.Inode));
            if ((run != retransmissions && run != late) || again == 0)
                events.Select(e => e.Message).ShouldBeEmpty();
            run.Failures.ShouldBeEmpty();
        }
        softirqs.Events.All.Select(e => e.Message).ShouldBeEmpty();
        virtio?.Events.All.Select(e => e.Message).ShouldBeEmpty();
    }
}
