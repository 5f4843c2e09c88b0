using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings;
using Collector.Linux.Findings.Cpu;
using Collector.Linux.Probes.Block;
using Collector.Linux.Tests.Probes;

namespace Collector.Linux.Tests.Findings;

/// <summary>Faults that a test cannot cause on each machine, by what the kernel would write of them.</summary>
public sealed class RecordedFindingTests
{
    private const string File = "proc/pressure/memory";

    /// <summary>Pressure is in microseconds since the machine started.</summary>
    [Theory]
    [InlineData(0.5, 0.01, EventSeverity.Warn)]
    [InlineData(0.9, 0.2, EventSeverity.Warn)]
    [InlineData(0.9, 0.7, EventSeverity.Error)]
    public void A_node_whose_tasks_wait_for_memory(double some, double full, EventSeverity severity)
    {
        var found = Run(some, full).ShouldHaveSingleItem();
        found.Severity.ShouldBe(severity);
        found.Subject!.IsHost.ShouldBeTrue();
        found.Sentence.ShouldMatch(@"^the node lets tasks wait for memory in \d+ % of the time"
            + (severity == EventSeverity.Error ? @", and all of them in \d+ %: it answers late$" : "$"));
        found.Verdict.Evidence[0].Source.ShouldBe("memory.pressure some");
        found.Verdict.Confirm.ShouldBe("cat /proc/pressure/memory");
    }

    [Fact]
    public void A_node_whose_tasks_wait_a_moment_yields_nothing() => Run(0.02, 0.01).ShouldBeEmpty();

    /// <summary>Flushes and discards of healthy disks take long.</summary>
    [Theory]
    [InlineData("read", true)]
    [InlineData("write", true)]
    [InlineData("flush", false)]
    [InlineData("discard", false)]
    public void A_disk_is_slow_by_what_programs_wait_for(string operation, bool told)
    {
        var found = Run(DiskSlow.Kind, (_, engine) =>
        {
            for (var i = 0; i < 3; i++)
                engine.Inbox.Offer(SlowRequestOf(operation));
        });
        found.Length.ShouldBe(told ? 1 : 0);
        found.ShouldAllBe(f => f.Verdict.Detail == "sda");
    }

    private static NetworkEvent SlowRequestOf(string operation) => new()
    {
        Info = SlowRequest.Info,
        Time = 120_000_000,
        Start = 0,
        ObservedTime = 120_000_000,
        Message = "",
        Fields = ["sda", operation, 120_000_000L, 0L, 0L, 4096L, 0L],
    };

    private static Finding[] Run(double some, double full)
    {
        var start = 0L;
        return Run(MemoryStall.Kind, (tree, _) =>
        {
            start = start == 0 ? Stopwatch.GetTimestamp() : start;
            var microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            tree.Write(File, Text(some * microseconds, full * microseconds));
        });
    }

    private static Finding[] Run(FindingInfo info, Action<TestTree, FindingEngine> cause)
    {
        using var tree = new TestTree();
        tree.Write(File, Text(0, 0));
        using var run = new FileProbeRun("throttling", tree.Paths);
        using var engine = new FindingEngine(
            [AllFindings.List.Single(f => f.Info == info).Create(run.Host)], new FindingStore())
        {
            Shortest = TimeSpan.FromMilliseconds(200),
        };
        engine.OnBroken = b => throw new InvalidOperationException(b.Reason);
        for (var i = 0; i < 12; i++)
        {
            Thread.Sleep(100);
            cause(tree, engine);
            run.Collect().Failures.ShouldBeEmpty();
            engine.Judge(run.Store);
        }
        return engine.Store.All;
    }

    private static string Text(double some, double full) =>
        $"some avg10=0.00 avg60=0.00 avg300=0.00 total={(long)some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={(long)full}\n";
}
