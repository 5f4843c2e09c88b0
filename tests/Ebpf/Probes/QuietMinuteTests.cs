using System.Diagnostics;
using Collector.Linux.Probes;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>
/// A minute in which nothing is wrong, with all probes at once: connections and requests now and then, and all that a
/// kernel does by itself meanwhile (neighbours that grow stale, multicast reports).
/// </summary>
public sealed class QuietMinuteTests
{
    // An emulated processor is late by itself, and what else the machine does may keep its disks busy for long.
    private static readonly (string Probe, string Key, string Value)[] Settings =
    [
        ("biolatency", "slow", "30s"), ("softirq", "slow", "30s"), ("connect", "slow", "30s"),
        ("transmit", "slow", "30s"),
        ("transmit", "queueSlow", "30s"), ("transmit", "driverSlow", "30s"),
        ("receive", "slow", "30s"), ("receive", "slowRead", "30s"), ("socketlatency", "slow", "30s"),
    ];

    // The whole minute on this machine. The lab runs all tests again on machines that are emulated: there twenty seconds
    // tell how another kernel carries the same traffic.
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(LabMachine.Kernel is null ? 60 : 20);

    /// <summary>Whose events are all looked at, of whatever namespace.</summary>
    private static readonly string[] OfTheNode = ["softirq", "virtcmdlatency"];

    [RequiresBpfFact("ping", "nft", "ss", "nstat")]
    public void A_quiet_minute_yields_nothing() => Unseen.Again(() =>
    {
        using var pair = DropTraffic.Pair();
        using var runs = new Runs();
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Length;)
        {
            DropTraffic.Healthy(pair);
            Thread.Sleep(9_000);
        }

        ulong[] namespaces = [pair.Left.Inode, pair.Right.Inode];
        DropTraffic.Rows(runs["packetloss"], pair.Left, pair.Right).ShouldBeEmpty();
        var again = 0L;
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            runs["tcpreset"].Sum("netlens.tcpreset.resets", ns).ShouldBe(0);
            // A busy machine may send a segment again for nothing.
            var sentAgain = runs["tcpretrans"].Sum("netlens.tcpretrans.segments", ns);
            sentAgain.ShouldBe(TcpLab.Nstat(ns, "TcpRetransSegs"));
            again += sentAgain;
        }
        // What is sent again may find its connection ended.
        new[] { pair.Left, pair.Right }.Sum(ns => TcpTwRcvTests.Unexpected(runs["tcptwrcv"], ns))
            .ShouldBeLessThanOrEqualTo(again);
        foreach (var (id, run) in runs)
        {
            run.Failures.ShouldBeEmpty(id);
            if (id is "tcpretrans" or "tcptwrcv" && again > 0)
                continue;
            run.Events.All.Where(e => OfTheNode.Contains(id) || (e.Subject is { } ns && namespaces.Contains(ns.Inode)))
                .Select(e => e.Message).ShouldBeEmpty(id);
        }
    }, TcpRetransTests.SentAgain);

    /// <summary>Every probe with a program in the kernel that this one takes.</summary>
    private sealed class Runs : Dictionary<string, BpfProbeRun>, IDisposable
    {
        public Runs()
        {
            foreach (var id in AllProbes.List.Where(p => p.Info.Watches).Select(p => p.Info.Id))
            {
                if (id == "virtcmdlatency" && VirtioFactAttribute.Unavailable is not null)
                    continue;
                var settings = Settings.Where(s => s.Probe == id).Select(s => (s.Key, s.Value));
                Add(id, new BpfProbeRun(id, null, [.. settings]));
            }
        }

        public void Dispose()
        {
            foreach (var run in Values)
                run.Dispose();
        }
    }
}
