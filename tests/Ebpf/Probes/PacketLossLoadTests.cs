using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;
using Xunit.Abstractions;

namespace Ebpf.Tests.Probes;

/// <summary>100,000 drops per second: exact counters, few events, and nothing lost uncounted.</summary>
public sealed class PacketLossLoadTests(ITestOutputHelper output)
{
    private const int PerSecond = 100_000;

    [RequiresBpfFact("nft")]
    public void A_million_drops()
    {
        // An emulated machine is slower.
        var count = LabMachine.Kernel is null ? 1_000_000 : 50_000;
        using var ns = new TestNetns();
        PacketLossTests.NftDrop(ns, "input", "udp dport 4243");
        using var run = new BpfProbeRun("packetloss");
        var misses = Misses(run);
        var before = EventThread();
        var watch = Stopwatch.StartNew();

        var sender = Task.Run(() => Send(ns, count));
        var collections = 0;
        var collecting = TimeSpan.Zero;
        while (!sender.Wait(1000))
        {
            var start = ThreadTime("self");
            run.Collect();
            collecting += ThreadTime("self") - start;
            collections++;
        }
        watch.Stop();

        var reading = EventThread() - before;
        PacketLossTests.NftCounter(ns).ShouldBe(count);
        // What the kernel refused to run because the program was interrupted by itself on the same CPU, it counts.
        var missed = Misses(run) - misses;
        missed.ShouldBeLessThan(100);
        var reason = PacketLossTests.Reason(run, "NETFILTER_DROP", "nf_hook_slow");
        run.Sum("netlens.packetloss.drops", ns, reason).ShouldBeInRange(count - missed, count);
        run.Sum("kubeskoop_packetloss_netfilter", ns).ShouldBeInRange(count - missed, count);
        var inode = ns.Inode;
        long events = 0, held = 0, lost = 0;
        // What is in the buffer is on its way.
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            events = run.Events.All.LongCount(e => e.Namespace?.Inode == inode);
            held = run.Events.HeldOf(inode);
            lost = PacketLossLifeTests.Losses(run, 0);
            (events + held + lost).ShouldBeGreaterThanOrEqualTo(count - missed);
        });
        (events + held).ShouldBeLessThanOrEqualTo(count);
        // 10 per second and CPU.
        var seconds = (int)watch.Elapsed.TotalSeconds + 2;
        events.ShouldBeLessThanOrEqualTo(seconds * 10 * Environment.ProcessorCount);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count} drops in {watch.Elapsed.TotalSeconds:0.0} s: {events} events, {held} held back, {lost} lost, "
            + $"{missed} missed; event thread {reading.TotalMilliseconds:0.0} ms, {collections} collections "
            + $"{collecting.TotalMilliseconds:0.0} ms, "
            + $"{(reading + collecting) / watch.Elapsed * 100:0.00} % of a CPU"));
    }

    private static void Send(TestNetns ns, int count) => ns.Inside(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var address = new IPEndPoint(IPAddress.Loopback, 4243).Serialize();
        var payload = new byte[16];
        var watch = Stopwatch.StartNew();
        for (var i = 1; i <= count; i++)
        {
            socket.SendTo(payload, SocketFlags.None, address);
            var ahead = (i * 1000L / PerSecond) - watch.ElapsedMilliseconds;
            if (i % 1000 == 0 && ahead > 0)
                Thread.Sleep((int)ahead);
        }
    });

    private static TimeSpan EventThread()
    {
        foreach (var task in Directory.GetDirectories("/proc/self/task"))
        {
            if (File.ReadAllText($"{task}/comm").Trim() == "bpf-events")
                return ThreadTime(Path.GetFileName(task));
        }
        throw new InvalidOperationException("no thread bpf-events");
    }

    // The first number of schedstat is nanoseconds on a CPU.
    private static TimeSpan ThreadTime(string task)
    {
        var path = task == "self" ? "/proc/thread-self/schedstat" : $"/proc/self/task/{task}/schedstat";
        var nanoseconds = long.Parse(File.ReadAllText(path).Split(' ')[0], CultureInfo.InvariantCulture);
        return TimeSpan.FromMicroseconds(nanoseconds / 1000.0);
    }

    private static long Misses(BpfProbeRun run)
    {
        var sum = 0L;
        foreach (var program in run.Host.Bpf.Loaded.Single().Object.Programs.Where(p => p.Attached))
        {
            foreach (var line in File.ReadLines($"/proc/self/fdinfo/{program.Fd}"))
            {
                if (line.StartsWith("recursion_misses:", StringComparison.Ordinal))
                    sum += long.Parse(line.AsSpan(17).Trim(), CultureInfo.InvariantCulture);
            }
        }
        return sum;
    }
}
