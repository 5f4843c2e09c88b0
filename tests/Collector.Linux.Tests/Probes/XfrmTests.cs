using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>What IPsec drops, by the pass over all namespaces and by /proc; cat tells the same.</summary>
public sealed class XfrmTests
{
    private const string InTree = "proc/net/xfrm_stat";

    [RequiresRootTheory("cat", "ping")]
    [InlineData(CollectionSource.Kernel)]
    [InlineData(CollectionSource.Proc)]
    public void What_policies_drop_is_counted_where_it_happens(CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        using var run = new FileProbeRun(source, "xfrm");
        if (!File.Exists(IpsecFaults.StatFile))
        {
            run.Collect().Series().ShouldBeEmpty();
            run.Failures.ShouldBeEmpty();
            return;
        }
        var part = run.Host.Parts.All.Single(p => p.Name == "mib");
        part.Source.ShouldBe(source == CollectionSource.Proc ? "proc" : "kernel", part.Reason);
        // Nothing is dropped where there is no policy.
        pair.Left.Run("ping", "-c1", "-W5", TestNetnsPair.RightIPv4);
        pair.Left.Run("ping", "-c1", "-W5", TestNetnsPair.RightIPv6);
        run.Collect();
        Told(run, pair.Left).ShouldBeEmpty();
        Told(run, pair.Right).ShouldBeEmpty();

        IpsecFaults.Cause(pair);
        run.Collect().Failures.ShouldBeEmpty();
        Told(run, pair.Left).ShouldBe(Cat(pair.Left));
        Told(run, pair.Left).Select(c => c.Name)
            .ShouldBe(["netlens.xfrm.out_no_states", "netlens.xfrm.out_pol_block"], ignoreOrder: true);
        Told(run, pair.Right).ShouldBe(Cat(pair.Right));
        Told(run, pair.Right).ShouldBe(
            [("netlens.xfrm.in_tmpl_mismatch", 3), ("netlens.xfrm.in_pol_block", 2)], ignoreOrder: true);
    }

    [Fact]
    public void What_the_kernel_does_not_print_or_did_not_count_is_absent_and_without_the_file_nothing_fails()
    {
        using var tree = new TestTree();
        using var none = new FileProbeRun("xfrm", tree.Paths);
        none.Collect().Series().ShouldBeEmpty();
        none.Failures.ShouldBeEmpty();

        tree.Write(InTree, "XfrmInNoStates          \t5\nXfrmInHdrError          \t0\nXfrmNewThing            \t7\n");
        using var run = new FileProbeRun("xfrm", tree.Paths);
        run.Collect().Series().ShouldHaveSingleItem().Metric.Name.ShouldBe("netlens.xfrm.in_no_states");
        using var all = new FileProbeRun("xfrm", tree.Paths, ("include", "all"));
        all.Collect().Series().Select(s => (s.Metric.Name, s.Value))
            .ShouldBe([("netlens.xfrm.in_no_states", 5), ("netlens.xfrm.new_thing", 7)]);
    }

    private static IEnumerable<(string Name, long Value)> Told(FileProbeRun run, TestNetns ns) =>
        run.Series().Where(s => s.Row.Subject?.Inode == ns.Inode).Select(s => (s.Metric.Name, s.Value));

    private static IEnumerable<(string Name, long Value)> Cat(TestNetns ns) => IpsecFaults.Read(ns)
        .Where(c => c.Value != 0).Select(c => ("netlens.xfrm." + CounterName.ToSnake(c.Name, "Xfrm"), c.Value));
}
