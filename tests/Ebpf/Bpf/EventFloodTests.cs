using System.Diagnostics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Probes;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;
using Xunit.Abstractions;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// 200,000 records a second, each about another process of another cgroup, on a node with thousands of cgroups, while
/// probes come and go: nobody waits for anybody, and every record is delivered, held back or counted as lost.
/// </summary>
public sealed class EventFloodTests(ITestOutputHelper output)
{
    private const int PerSecond = 200_000;

    // An emulated machine is slower.
    private static readonly int Records = LabMachine.Kernel is null ? 5 * PerSecond : 20_000;
    private static readonly int Cgroups = LabMachine.Kernel is null ? 5000 : 200;

    [Cgroup2Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_record_of_a_flood_is_accounted_for_and_nothing_waits(bool handles)
    {
        using var tree = new Cgroup2();
        using var many = new CgroupForest(tree.Path, Cgroups);
        using var sink = new LimitedSink(burst: 200);
        using var host = new LabHost(tree.Path, handles) { Events = sink };
        host.Machine.Refresh(host.BootTime);
        using var flood = new LabFlood(host, 1 << 20);

        var watch = Stopwatch.StartNew();
        var producer = Task.Factory.StartNew(Produce, TaskCreationOptions.LongRunning);
        Await(() => sink.Published > 0);
        // The thread that looks things up hangs: records are read all the same, and probes end and start.
        sink.Block();
        Switch(host.Machine, "packetloss");
        var asked = sink.Asked;
        Await(() => sink.Asked > asked + 100 || producer.IsCompleted);
        sink.Unblock();
        var switched = 1;
        for (; !producer.IsCompleted; switched++)
            Switch(host.Machine, switched % 2 == 0 ? "packetloss" : "tcpreset");
        producer.Wait();
        var elapsed = watch.Elapsed;
        flood.Stop();

        BpfProbeRun.Eventually(() => Accounted(flood, sink).ShouldBe(flood.Produced));
        flood.Produced.ShouldBe(Records);
        flood.Losses.Undecoded.ShouldBe(0);
        host.Bpf.EventFault.ShouldBeNull();
        output.WriteLine(FormattableString.Invariant(
            $"{flood.Produced} records in {elapsed.TotalSeconds:0.0} s, {switched} times a probe: {sink.Published} events, ")
            + FormattableString.Invariant(
            $"{sink.HeldBackCount} held back, lost {flood.LostInKernel} before and {flood.Losses.CrowdedOut} behind us"));
    }

    [RequiresBpfFact]
    public void The_event_thread_allocates_nothing()
    {
        using var sink = new LimitedSink(burst: 10_000);
        using var host = new LabHost("/nowhere", handles: false) { Events = sink };
        using var flood = new LabFlood(host, 1 << 20);
        // As many as wait at once are kept.
        sink.Block();
        LabFlood.Make(1000);
        Await(() => sink.Asked == 1000);
        sink.Unblock();
        Await(() => sink.Published == 1000);

        LabFlood.Make(1);
        Await(() => sink.Published == 1001);
        var before = sink.AllocatedByAsker;
        LabFlood.Make(1000);
        Await(() => sink.Published == 2001);
        sink.AllocatedByAsker.ShouldBe(before);
    }

    private static long Accounted(LabFlood flood, LimitedSink sink) => sink.Published + sink.HeldBackCount
        + flood.LostInKernel + flood.Losses.CrowdedOut + flood.Losses.Undecoded;

    private static void Produce()
    {
        const int Portion = 2000;
        var watch = Stopwatch.StartNew();
        for (var made = 0; made < Records; made += Portion)
        {
            LabFlood.Make(Portion);
            var ahead = ((made + Portion) * 1000L / PerSecond) - watch.ElapsedMilliseconds;
            if (ahead > 0)
                Thread.Sleep((int)ahead);
        }
    }

    // A probe that starts, collects, and ends.
    private static void Switch(LinuxHost host, string id)
    {
        var registration = AllProbes.List.Single(p => p.Info.Id == id);
        using var probe = registration.Create(host, new ProbeSettings(registration.Info));
        probe.Start();
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        host.Refresh(builder.StartTimeOfNew(host.BootTime));
        builder.Enter(id);
        probe.Collect(builder);
        builder.Publish();
    }

    private static void Await(Func<bool> done) =>
        SpinWait.SpinUntil(done, TimeSpan.FromSeconds(30)).ShouldBeTrue();
}
