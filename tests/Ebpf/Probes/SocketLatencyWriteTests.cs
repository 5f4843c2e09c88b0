using System.Diagnostics;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Sockets;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Data that wait in sockets until they are sent: ss tells beside that they do.</summary>
public sealed class SocketLatencyWriteTests
{
    /// <summary>As many segments as may be on the way are, and no acknowledgement gets through.</summary>
    [RequiresBpfFact("nft", "ss")]
    public void A_write_that_waits_for_acknowledgements_is_as_slow_as_they()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "150ms"));
        // Else the kernel sends one more by itself, to find out what was lost.
        pair.Left.Sysctl("net.ipv4.tcp_early_retrans", "0");
        if (CannotSeeWrites(run))
            return;
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var lab = new WaitLab(pair, ends);
            TcpLab.Drop(pair.Left, "meta l4proto tcp drop");
            var start = Stopwatch.GetTimestamp();
            while (!HasUnsent(pair.Left, lab))
                lab.Client.Send("a segment"u8);
            var stuck = Stopwatch.GetTimestamp();
            Thread.Sleep(300);
            var least = Stopwatch.GetElapsedTime(stuck);
            TcpLab.Pass(pair.Left);

            var e = lab.Await(run, pair.Left, SocketLatencyKinds.WriteInfo);
            e.Duration.ShouldNotBeNull().ShouldBeInRange(
                (long)least.TotalNanoseconds, (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            e.Tuple.ShouldBe(new FlowTuple("tcp", TcpLab.Left(ends), lab.ClientPort,
                TcpLab.Shown(TcpLab.Right(ends)), lab.ServerPort));
            e.Fields.ShouldBe([new TagValue(e.Duration!.Value), "connected", null]);
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Process.Command.ShouldNotBeEmpty();
            e.Message.ShouldMatch(@" had data for \S+ wait \d+.* ms until they were sent; written by \S");
        }
        run.Sum("kubeskoop_socketlatency_write100ms", pair.Left).ShouldBe(2);
        run.Sum("kubeskoop_socketlatency_read100ms", pair.Left).ShouldBe(0);
    }

    /// <summary>Who corks a socket wants its data to wait.</summary>
    [RequiresBpfFact]
    public void What_the_application_holds_back_is_not_slow()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "30ms"));
        using var lab = new WaitLab(pair, Ends.V4);
        Cork(lab.Client, 1);
        lab.Client.Send("held"u8);
        Thread.Sleep(100);
        Cork(lab.Client, 0);
        lab.Server.Receive(new byte[100]).ShouldBe(4);
        WaitLab.Times(run, pair.Left, "write", "connected").Count.ShouldBe(0);
        WaitLab.Of(run, pair.Left).ShouldBeEmpty();
        lab.Client.Send("not"u8);
        if (!CannotSeeWrites(run))
            BpfProbeRun.Eventually(() => WaitLab.Times(run, pair.Left, "write", "connected").Count.ShouldBe(1));
    }

    // A kernel without the tracepoint where functions cannot be hooked: 6.3 to 6.15. Nothing is said of writes there.
    private static bool CannotSeeWrites(BpfProbeRun run)
    {
        if (WaitLab.SeesWrites(run))
            return false;
        KernelFeature.Running.ShouldBeLessThan(new Version(6, 16));
        KernelFeature.Kprobes.WhyMissing.ShouldNotBeNull();
        run.Collect().Find(SocketLatencyCounters.SlowWrites).ShouldBeNull();
        return true;
    }

    private static void Cork(Socket socket, int on) =>
        socket.SetRawSocketOption(6, 3, BitConverter.GetBytes(on)); // IPPROTO_TCP, TCP_CORK

    // Written, and not sent for the first time.
    private static bool HasUnsent(TestNetns ns, WaitLab lab) =>
        ns.Run("ss", "-tinH", "sport", "=", $":{lab.ClientPort}").Contains("notsent:");
}
