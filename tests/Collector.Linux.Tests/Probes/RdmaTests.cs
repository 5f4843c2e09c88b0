using Collector.Core.Probes;

namespace Collector.Linux.Tests.Probes;

/// <summary>On trees written to the drivers' format: no RDMA hardware was at hand.</summary>
public sealed class RdmaTests
{
    [Fact]
    public void Words_of_four_bytes_are_bytes_and_stay_words_under_the_legacy_name()
    {
        using var run = new FileProbeRun("rdma", FileProbeRun.Fixture("5.15"));
        run.Collect().Value("netlens.rdma.port_rcv.io", "netlens.rdma.device=mlx5_0").ShouldBe(4000);
        run.Legacy("kubeskoop_rdma_mlx5_port_rcv_data").ShouldBe(1000);
        run.Legacy("kubeskoop_rdma_mlx5_VL15_dropped").ShouldBe(1004);
        run.Legacy("kubeskoop_rdma_erdma_hw_rx_bytes_cnt").ShouldBe(3000);
    }

    [Fact]
    public void A_device_of_another_driver_has_port_counters_and_no_name_of_a_foreign_driver()
    {
        using var run = new FileProbeRun("rdma", FileProbeRun.Fixture("5.15"));
        run.Collect().Value("netlens.rdma.port_rcv_packets", "netlens.rdma.device=rxe0").ShouldBe(4001);
        run.Series().Where(s => s.Row.Tags[0].Text == "rxe0").SelectMany(s => s.Metric.KubeSkoop)
            .ShouldBeEmpty();
    }

    [Fact]
    public void W_M17_a_name_in_both_folders_is_one_series()
    {
        using var tree = new TestTree("5.15");
        tree.Write("sys/class/infiniband/mlx5_0/ports/1/hw_counters/port_rcv_packets", "77\n");
        using var run = new FileProbeRun("rdma", tree.Paths);
        run.Collect().Value("netlens.rdma.port_rcv_packets", "netlens.rdma.device=mlx5_0").ShouldBe(1002);
    }

    [Fact]
    public void Without_a_device_the_probe_is_unavailable_with_the_reason()
    {
        using var tree = new TestTree();
        Should.Throw<ProbeUnavailableException>(() => new FileProbeRun("rdma", tree.Paths))
            .Message.ShouldContain("no RDMA device");
    }
}
