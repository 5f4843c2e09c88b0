using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
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

    /// <summary>Twelve requests of 120 ms, one in each window at least.</summary>
    [Theory]
    [InlineData("least", "1", true)]
    [InlineData("least", "13", false)]
    [InlineData("duration", "120ms", true)]
    [InlineData("duration", "121ms", false)]
    public void A_disk_is_slow_by_the_thresholds_that_are_set(string name, string value, bool told)
    {
        var own = name == "least" ? [(name, value)] : new[] { (name, value), ("least", "1") };
        var found = Run(
            DiskSlow.Kind, (_, engine) => engine.Inbox.Offer(SlowRequestOf("read")),
            FindingSettings.Of(DiskSlow.Kind, own));
        found.Length.ShouldBe(told ? 1 : 0);
        found.ShouldAllBe(f => f.Sentence.Contains(name == "least" ? "took over 100 ms, " : "took over 120 ms, "));
    }

    [Fact]
    public void A_trigger_follows_the_threshold_of_a_rule()
    {
        var own = FindingSettings.Of(MemoryStall.Kind, ("share", "1%"), ("errorShare", "2%"));
        Run(0.05, 0.04, own).ShouldHaveSingleItem().Severity.ShouldBe(EventSeverity.Error);
        Run(0.05, 0.04).ShouldBeEmpty();
    }

    /// <summary>Each of its thresholds at the least, at the most and as it is.</summary>
    [Fact]
    public void Every_rule_is_made_by_any_threshold_that_may_be_set()
    {
        using var tree = new TestTree();
        tree.Write(File, Text(0, 0));
        using var run = new FileProbeRun("throttling", tree.Paths);
        foreach (var (info, create) in AllFindings.List)
        {
            foreach (var threshold in info.Thresholds)
            {
                foreach (var number in (long[])[threshold.Minimum, threshold.Maximum])
                {
                    var value = threshold.Kind switch
                    {
                        OptionKind.Share => new Share(number).ToString(),
                        OptionKind.Duration => $"{number}ms",
                        _ => $"{number}",
                    };
                    create(run.Host, FindingSettings.Of(info, (threshold.Name, value))).Triggers.Count
                        .ShouldBe(info.Triggers.Count);
                }
            }
            create(run.Host, new FindingSettings(info)).Triggers.Select(t => t.Least)
                .ShouldBe(info.Triggers.Select(t => t.Least), info.Kind);
        }
        AllFindings.Rules(run.Host, i => i == DiskSlow.Kind ? null : new(i)).Select(r => r.Info)
            .ShouldBe(AllFindings.Kinds.Where(k => k != DiskSlow.Kind));
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

    private static Finding[] Run(double some, double full, FindingSettings? own = null)
    {
        var start = 0L;
        return Run(MemoryStall.Kind, (tree, _) =>
        {
            start = start == 0 ? Stopwatch.GetTimestamp() : start;
            var microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            tree.Write(File, Text(some * microseconds, full * microseconds));
        }, own);
    }

    private static Finding[] Run(
        FindingInfo info, Action<TestTree, FindingEngine> cause, FindingSettings? own = null)
    {
        using var tree = new TestTree();
        tree.Write(File, Text(0, 0));
        using var run = new FileProbeRun("throttling", tree.Paths);
        using var engine = new FindingEngine(
            [AllFindings.List.Single(f => f.Info == info).Create(run.Host, own ?? new(info))], new FindingStore())
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
