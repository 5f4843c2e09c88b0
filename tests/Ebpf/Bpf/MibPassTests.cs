using System.Net;
using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Bpf;

/// <summary>The counters of all namespaces in one pass are those of /proc.</summary>
public sealed class MibPassTests
{
    private const int Namespaces = 50;

    // Levels: between two looks they may have been anywhere.
    private static readonly string[] Levels = ["CurrEstab", "MPCurrEstab"];

    [RequiresBpfFact("nstat")]
    public void Under_traffic_each_column_is_between_what_proc_says_before_and_after_and_the_same_when_still()
    {
        using var lab = new MibLab(Namespaces);
        lab.Read().ShouldAllBe(f => f != null, lab.Part.ToString());
        lab.Part.FromKernel.ShouldBeTrue(lab.Part.Reason);
        using var stop = new CancellationTokenSource();
        var traffic = Task.Run(() =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
                MibLab.Talk(lab.Namespaces[i % Namespaces], 3, 2);
        });

        for (var round = 0; round < 4; round++)
        {
            var before = lab.Handles.Select(MibFiles.Read).ToArray();
            var pass = lab.Read();
            for (var i = 0; i < Namespaces; i++)
                ShouldBeBetween(lab, before[i], pass[i]!, MibFiles.Read(lab.Handles[i]));
        }
        stop.Cancel();
        traffic.Wait();

        MibLab.Talk(lab.Namespaces[0], 3, 2);
        for (var i = 0; i < Namespaces; i++)
            lab.WhenStill(i);
        ShouldBeAsNstatSays(lab);
        lab.Part.Fallbacks.ShouldBe(0, lab.Part.LastFallback);
    }

    private static void ShouldBeBetween(MibLab lab, MibFiles before, MibFigures pass, MibFiles after)
    {
        foreach (var (section, _, _) in lab.Host.Mib.Sections)
        {
            var (low, value, high) = (Values(before.Find(section.Section)), Values(pass.Find(section.Section)),
                Values(after.Find(section.Section)));
            for (var i = 0; i < section.Counters.Count; i++)
            {
                if (!Levels.Contains(section.Counters[i]))
                    value[i].ShouldBeInRange(low[i], high[i], $"{section.Section} {section.Counters[i]}");
            }
        }
    }

    private static long[] Values(MibSection? section) => section!.Values.ToArray();

    private static void ShouldBeAsNstatSays(MibLab lab)
    {
        var figures = lab.WhenStill(0);
        using var json = JsonDocument.Parse(lab.Namespaces[0].Run("nstat", "-a", "-s", "-z", "-j"));
        var nstat = json.RootElement.GetProperty("kernel");
        var compared = 0;
        var counted = 0;
        foreach (var (section, _, _) in lab.Host.Mib.Sections)
        {
            var values = Values(figures.Find(section.Section));
            for (var i = 0; i < values.Length; i++)
            {
                if (!nstat.TryGetProperty(section.Section + section.Counters[i], out var its))
                    continue;
                compared++;
                counted += values[i] > 0 ? 1 : 0;
                values[i].ShouldBe(its.GetInt64(), section.Section + section.Counters[i]);
            }
        }
        compared.ShouldBeGreaterThan(180);
        counted.ShouldBeGreaterThan(20);
    }

    [RequiresBpfFact]
    public void Five_hundred_namespaces_that_come_and_go_during_passes_have_their_own_figures()
    {
        const int AtOnce = 20;
        // One that stays, and has the folder of named ones made.
        using var lab = new MibLab(1);
        var born = 0;
        long tick = 0;
        BriefNetns[] living = [];
        while (born < 500)
        {
            var old = living;
            // Other numbers than those that had their places before.
            living = [.. Enumerable.Range(0, AtOnce).Select(_ => new BriefNetns(1 + (born++ % 37)))];
            lab.Host.Refresh(0);
            var all = old.Concat(living).Select(n => (n.Unroutable, Handle: lab.Host.Namespaces.Find(n.Inode)!))
                .ToArray();
            // Meanwhile the older ones lose their names; they are let go at the next look.
            var end = Task.Run(() => Array.ForEach(old, n => n.Dispose()));
            do
            {
                tick++;
                foreach (var (unroutable, handle) in all)
                    Count(lab, handle, tick, "Ip", "OutNoRoutes").ShouldBe(unroutable);
            }
            while (!end.IsCompleted);
            end.Wait();
        }
        Array.ForEach(living, n => n.Dispose());
        lab.Part.Fallbacks.ShouldBe(0, lab.Part.LastFallback);
    }

    private static long Count(MibLab lab, NamespaceHandle handle, long tick, string section, string counter)
    {
        var found = lab.Host.Mib.Read(handle, tick, MibWish.Of([section], false))!.Find(section)!;
        return found.Values[found.Layout.Counters.ToList().IndexOf(counter)];
    }

    [RequiresBpfFact]
    public void A_namespace_that_leaves_is_read_a_last_time_by_itself()
    {
        using var lab = new MibLab(1);
        lab.Read();
        var handle = lab.Handles[0];
        var last = -1L;
        lab.Host.Namespaces.Leaving += h => last = h == handle ? Count(lab, h, -2, "Udp", "NoPorts") : last;
        lab.Namespaces[0].Inside(() => MibLab.Send(IPAddress.Loopback));
        lab.Namespaces[0].Dispose();
        lab.Host.Refresh(0);
        last.ShouldBe(1);
        lab.Host.Mib.Read(handle, 100, MibWish.All).ShouldBeNull();
    }

    [RequiresBpfFact]
    public void Five_hundred_and_twelve_CPUs_are_added_up()
    {
        using var lab = new MibLab(1);
        lab.Read();
        MibLab.Talk(lab.Namespaces[0], 20, 5);
        lab.WhenStill(0);
        var programs = lab.Host.Addresses.Programs!;
        using var cpus = new CpuOffsets(programs, lab.Host.Bpf);
        var handles = lab.Handles.ToArray();
        var each = cpus.Found.Select(o => Sums(new MibRun(programs, [o]), handles)).ToArray();
        // As many as there may be: a machine with 512 CPUs whose counters are those of these.
        var many = Enumerable.Range(0, 512).Select(i => i % cpus.Found.Count).ToArray();
        var sums = Sums(new MibRun(programs, [.. many.Select(c => cpus.Found[c])]), handles);
        for (var word = 0; word < MibWords.End(MibKind.Icmp6); word++)
            sums[word].ShouldBe(many.Sum(c => each[c][word]), $"word {word}");
        sums.Sum().ShouldBeGreaterThan(512);
    }

    private static long[] Sums(MibRun run, NamespaceHandle[] handles)
    {
        using (run)
        {
            run.Read(handles, MibWish.Of(["Tcp", "Icmp6"], false) with { Kinds = 0xff }).ShouldBeNull();
            return run.Sums(0)[..MibWords.End(MibKind.Icmp6)].ToArray();
        }
    }

    [RequiresBpfFact]
    public void A_pass_that_fails_is_told_and_the_collection_is_read_by_proc()
    {
        using var lab = new MibLab(1);
        lab.Read()[0].ShouldNotBeNull();
        var address = lab.Handles[0].NetAddress;
        lab.Handles[0].NetAddress = 64;
        lab.Read()[0].ShouldBeNull();
        lab.Part.Fallbacks.ShouldBe(1);
        lab.Part.LastFallback.ShouldContain("could not be read");
        lab.Handles[0].NetAddress = address;
        lab.Read()[0].ShouldNotBeNull();
        lab.Part.Fallbacks.ShouldBe(1);
    }

    [RequiresBpfFact]
    public void A_slot_that_is_another_counters_is_noticed_and_named()
    {
        using var lab = new MibLab(1);
        MibLab.Talk(lab.Namespaces[0], 3, 2);
        var figures = lab.WhenStill(0);
        var files = MibFiles.Read(lab.Handles[0]);
        var tcp = lab.Host.Mib.Sections.Single(s => s.Layout.Section == "Tcp");
        var names = tcp.Layout.Counters.ToList();
        var wrong = tcp.Slots.ToArray();
        wrong[names.IndexOf("InSegs")] = wrong[names.IndexOf("InErrs")];
        var sums = new long[MibWords.Count];
        for (var i = 0; i < names.Count; i++)
            sums[tcp.Slots[i]] = figures.Find("Tcp")!.Values[i];
        var once = new long[MibOnce.Count];
        once[MibOnce.FirstMib + (int)MibKind.Tcp] = 1;
        MibSectionSlots[] plan = [tcp with { Slots = wrong }];
        using var mistaken = new MibFigures();
        mistaken.Fill(1, plan, MibWish.Of(["Tcp"], false), sums, once);
        MibCheck.Compare(plan, files, mistaken, files)
            .ShouldStartWith("Tcp InSegs is 0 in the kernel's structures, in /proc ");
    }

    [Fact]
    public void What_is_below_zero_is_absent_as_in_proc_and_what_is_signed_is_not()
    {
        var layout = MibLayout.Of("Tcp: MaxConn InErrs CurrEstab"u8)!;
        MibSectionSlots[] plan = [new(layout, MibKind.Tcp, [0, 1, 2])];
        var once = new long[MibOnce.Count];
        once[MibOnce.FirstMib] = 1;
        using var figures = new MibFigures();
        figures.Fill(1, plan, MibWish.Of(["Tcp"], false), [-1, -2, 3], once);
        figures.Find("Tcp")!.Values.ToArray().ShouldBe([-1, Metric.Absent, 3]);
        figures.Failure.ShouldBe("over_63_bits");
    }
}
