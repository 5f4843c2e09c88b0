namespace Collector.Linux.Tests.Probes;

public sealed class SoftnetTests
{
    private const string Zeros = "00000000 00000000 00000000 00000000 00000000 00000000";

    private static string Line13(uint processed, uint cpu, uint backlog = 0) =>
        $"{processed:x8} 00000000 00000000 {Zeros} 00000000 00000000 {backlog:x8} {cpu:x8}\n";

    private static string Line11(uint processed) => $"{processed:x8} 00000000 00000000 {Zeros} 00000000 00000000\n";

    [Fact]
    public void A_counter_that_wraps_goes_on_per_CPU()
    {
        using var tree = new TestTree();
        tree.Write("proc/net/softnet_stat", Line13(0xfffffff0, 0) + Line13(5, 1));
        using var run = new FileProbeRun("softnet", tree.Paths);
        run.Collect().Value("netlens.softnet.processed").ShouldBe(0xfffffff0L + 5);
        tree.Write("proc/net/softnet_stat", Line13(0x10, 0) + Line13(6, 1));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(0x100000010L + 6);
    }

    [Fact]
    public void A_CPU_that_goes_offline_keeps_its_part_of_the_sum()
    {
        using var tree = new TestTree();
        tree.Write("proc/net/softnet_stat", Line13(100, 0, backlog: 1) + Line13(200, 1, backlog: 7));
        using var run = new FileProbeRun("softnet", tree.Paths, ("perCpu", "true"));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(300);
        run.Value("netlens.softnet.backlog.length").ShouldBe(8);
        tree.Write("proc/net/softnet_stat", Line13(110, 0, backlog: 2));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(310);
        run.Value("netlens.softnet.backlog.length").ShouldBe(2);
        run.Value("netlens.softnet.cpu.processed", "cpu.logical_number=1").ShouldBeNull();
        tree.Write("proc/net/softnet_stat", Line13(110, 0) + Line13(201, 1));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(311);
    }

    [Fact]
    public void Before_5_10_lines_belong_to_the_CPUs_that_are_online()
    {
        using var tree = new TestTree();
        tree.Write("sys/devices/system/cpu/online", "0-2\n");
        tree.Write("proc/net/softnet_stat", Line11(1) + Line11(200) + Line11(3000));
        using var run = new FileProbeRun("softnet", tree.Paths, ("perCpu", "true"));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(3201);
        tree.Write("sys/devices/system/cpu/online", "0,2\n");
        tree.Write("proc/net/softnet_stat", Line11(2) + Line11(3001));
        run.Collect().Value("netlens.softnet.processed").ShouldBe(2 + 200 + 3001);
        run.Value("netlens.softnet.cpu.processed", "cpu.logical_number=2").ShouldBe(3001);
    }

    [Fact]
    public void Lines_that_fit_no_list_of_CPUs_are_refused_for_once()
    {
        using var tree = new TestTree();
        tree.Write("sys/devices/system/cpu/online", "0-2\n");
        tree.Write("proc/net/softnet_stat", Line11(1) + Line11(3000));
        using var run = new FileProbeRun("softnet", tree.Paths);
        run.Collect().Series().ShouldBeEmpty();
        run.Failures.ShouldBe(["malformed"]);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(15)]
    public void Columns_that_a_kernel_does_not_have_are_absent(int columns)
    {
        using var tree = new TestTree();
        tree.Write("proc/net/softnet_stat",
            string.Join(' ', Enumerable.Range(0, columns).Select(i => i == 12 ? "00000000" : $"{i + 1:x8}")) + "\n");
        using var run = new FileProbeRun("softnet", tree.Paths);
        run.Collect().Value("netlens.softnet.processed").ShouldBe(1);
        run.Value("netlens.softnet.dropped").ShouldBe(2);
        run.Value("netlens.softnet.time_squeeze").ShouldBe(3);
        run.Value("netlens.softnet.received_rps").ShouldBe(columns > 9 ? 10 : null);
        run.Value("netlens.softnet.flow_limit_count").ShouldBe(columns > 10 ? 11 : null);
        run.Value("netlens.softnet.backlog.length").ShouldBe(columns > 11 ? 12 : null);
        run.Value("netlens.softnet.backlog.input").ShouldBe(columns > 13 ? 14 : null);
        run.Value("netlens.softnet.backlog.process").ShouldBe(columns > 13 ? 15 : null);
    }

    [Fact]
    public void W_M5_the_node_value_is_one_row_of_the_node_with_time_squeeze()
    {
        using var run = new FileProbeRun("softnet", FileProbeRun.Fixture("5.15"));
        run.Collect().Snapshot.Tables.Sum(t => t.Count).ShouldBe(1);
        run.Series().ShouldAllBe(s => s.Row.Subject == null && s.Row.Tags.Count == 0);
        run.Value("netlens.softnet.time_squeeze").ShouldBe(22);
        run.Legacy("inspector_pod_softnettimesqueeze").ShouldBe(22);
    }
}
