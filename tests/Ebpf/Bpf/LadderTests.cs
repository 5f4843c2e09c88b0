using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

/// <summary>The attach ladder on the real kernel, with the programs of packetloss.</summary>
public sealed class LadderTests
{
    private static readonly Way Good = new("good");

    private static (BpfObject? Object, LadderReport Report) Climb(params Hook[] hooks)
    {
        var loaded = AttachLadder.Climb(
            LabObject.Environment, LabObject.Image(), hooks, _ => { }, _ => { }, out var report);
        return (loaded, report);
    }

    [RequiresBpfFact]
    public void The_first_way_that_the_kernel_takes_is_taken_and_the_others_say_why_not()
    {
        var (loaded, report) = Climb(new Hook("softirqs",
            new Way("no_typed_tracepoint"), new Way("no_typed_function"), new Way("no_function"), new Way("unsafe"),
            new Way("nowhere"), Good, new Way("good")));
        using (loaded)
        {
            report.Failure.ShouldBeNull();
            var ways = report.Hooks.Single().Ways;
            ways.Select(w => w.Verdict).ShouldBe(
            [
                WayVerdict.Refused, WayVerdict.Refused, WayVerdict.Refused, WayVerdict.Refused, WayVerdict.Refused,
                WayVerdict.Taken, WayVerdict.NotNeeded,
            ]);
            ways[0].Reason.ShouldBeOneOf(
                "the kernel has no tracepoint netlens_no_such_tracepoint",
                "the kernel has no /sys/kernel/btf/vmlinux");
            ways[1].Reason.ShouldBeOneOf(
                "the kernel has no function netlens_no_such_function, or its module is not loaded",
                "the kernel has no /sys/kernel/btf/vmlinux");
            ways[2].Reason.ShouldBeOneOf(
                "the kernel has no function netlens_no_such_function, or its module is not loaded",
                "the kernel was built without kprobes (CONFIG_KPROBES)");
            // "R1 invalid mem access 'scalar'", before 5.12 'inv'
            ways[3].Reason.ShouldContain("invalid mem access");
            ways[4].Reason.ShouldBe("the kernel has no such place to attach to");
            ways[5].Sections.ShouldBe("raw_tp/softirq_entry");
            loaded!.Programs.Where(p => p.Attached).Select(p => p.Name).ShouldBe(["good"]);
        }
    }

    [RequiresBpfTheory]
    [InlineData(0, "nothing", "no BTF says what tracepoint nothing gives")]
    [InlineData(0, "softirq_entry", "argument 1 of tracepoint softirq_entry is unsigned int, not sk_buff*")]
    [InlineData(7, "softirq_entry", "tracepoint softirq_entry has 1 arguments here")]
    public void A_wrong_assumption_about_a_tracepoint_is_refused_before_the_kernel_is_asked(
        int argument, string tracepoint, string reason)
    {
        var wrong = new Way("good") { Assumes = [(tracepoint, argument, "sk_buff*")] };
        var (none, report) = Climb(new Hook("softirqs", wrong));
        none.ShouldBeNull();
        // A file of types may be all there is, and some do not describe tracepoints.
        report.Failure.ShouldBeOneOf($"softirqs: {reason}", $"softirqs: no BTF says what tracepoint {tracepoint} gives");
    }

    [RequiresBpfFact]
    public void A_hook_without_a_way_fails_the_probe_unless_it_is_optional()
    {
        var (none, failed) = Climb(new Hook("softirqs", Good), new Hook("never", new Way("unsafe")));
        none.ShouldBeNull();
        failed.Failure.ShouldNotBeNull().ShouldStartWith("never: ");
        // What could have been attached is not said to be.
        failed.Hooks.ShouldAllBe(h => h.Taken == null);

        var (loaded, report) = Climb(
            new Hook("softirqs", Good), new Hook("never", new Way("unsafe")) { Optional = true });
        using (loaded)
        {
            report.Failure.ShouldBeNull();
            report.Hooks.Single(h => h.Hook == "never").Taken.ShouldBeNull();
            report.Hooks.Single(h => h.Hook == "softirqs").Taken.ShouldNotBeNull();
        }
    }

    [RequiresBpfFact]
    public void A_program_marked_optional_may_be_missing_from_its_way()
    {
        var (loaded, report) = Climb(new Hook("softirqs", new Way("nowhere?", "good", "unsafe?")));
        using (loaded)
        {
            report.Failure.ShouldBeNull();
            var taken = report.Hooks.Single().Taken.ShouldNotBeNull();
            taken.Reason.ShouldContain("without raw_tp/netlens_no_such_tracepoint: ");
            taken.Reason.ShouldContain("without raw_tp/softirq_entry: ");
            loaded!.Programs.Where(p => p.Attached).Select(p => p.Name).ShouldBe(["good"]);
        }
    }

    [RequiresBpfFact]
    public void Only_optional_programs_that_are_all_missing_are_no_way()
    {
        var (none, report) = Climb(new Hook("softirqs", new Way("nowhere?", "unsafe?")));
        none.ShouldBeNull();
        report.Failure.ShouldNotBeNull().ShouldStartWith("softirqs: ");
    }

    [RequiresBpfFact]
    public void Nothing_stays_attached_and_no_descriptor_is_lost()
    {
        Climb(new Hook("softirqs", Good)).Object!.Dispose();
        var before = Programs();
        var descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (var i = 0; i < 5; i++)
        {
            var (loaded, _) = Climb(new Hook("softirqs", new Way("unsafe"), Good));
            Programs().ShouldBeGreaterThan(before);
            loaded!.Dispose();
        }
        BpfProbeRun.Eventually(() => Programs().ShouldBe(before));
        Directory.GetFileSystemEntries("/proc/self/fd").Length.ShouldBeLessThanOrEqualTo(descriptors);
    }

    // Descriptors of programs and links that this process holds: others load programs too.
    private static int Programs() => Directory.GetFiles("/proc/self/fdinfo").Count(f => ReadLines(f)
        .Any(l => l.StartsWith("prog_type:", StringComparison.Ordinal)
            || l.StartsWith("link_type:", StringComparison.Ordinal)));

    [RequiresBpfFact("bpftool", "env")]
    public void After_a_crash_of_the_agent_the_kernel_has_nothing_of_it()
    {
        using var child = Shell.Start(
            "env", "NETLENS_PROBES=packetloss", "NETLENS_HTTP_ENABLED=false", TestProgram.Path, "run");
        string[] programs = [];
        try
        {
            // Until those are gone too that only try what the kernel can.
            BpfProbeRun.Eventually(() =>
            {
                (programs = ProgramIds(child.Id)).ShouldNotBeEmpty();
                programs.ShouldAllBe(id => Shell.Try("bpftool", "prog", "show", "id", id).Code == 0);
            }, 60);
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
        BpfProbeRun.Eventually(() =>
            programs.ShouldAllBe(id => Shell.Try("bpftool", "prog", "show", "id", id).Code != 0));
    }

    private static string[] ProgramIds(int process) =>
    [
        .. Directory.GetFiles($"/proc/{process}/fdinfo").SelectMany(ReadLines)
            .Where(l => l.StartsWith("prog_id:", StringComparison.Ordinal)).Select(l => l[8..].Trim()).Distinct(),
    ];

    private static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            return [];
        }
    }

    [Fact]
    public void An_object_that_the_build_lacks_is_named() =>
        Should.Throw<BpfLoadException>(() => BpfImage.Find("nothing", perf: false)).Message
            .ShouldContain("nothing.bpf.o");

    [RequiresBpfFact]
    public void A_recorded_tree_has_no_kernel()
    {
        using var host = new Collector.Linux.LinuxHost(new KernelPaths(Recorded: true));
        var packetloss = Collector.Linux.Probes.AllProbes.List.First(p => p.Info.Id == "packetloss");
        using var probe = packetloss.Create(host, new ProbeSettings(packetloss.Info));
        Should.Throw<ProbeUnavailableException>(probe.Start).Message.ShouldContain("recorded");
    }
}
