using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>Whole pages, line by line.</summary>
public sealed class GoldenPageTests
{
    private readonly PrometheusSnapshotFixture _node = new();

    [Fact]
    public void Otel_names_as_text() =>
        PrometheusSnapshotFixture.Page(_node.CollectGolden(), MetricNaming.Otel).ShouldBe("""
            # HELP system_network_io_bytes_total Bytes on the wire; "raw" \\ as the device counts.
            # TYPE system_network_io_bytes_total counter
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="receive"} 1500
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532002",netlens_netns_name="blue",network_interface_name="a\"b\\c\nd",network_io_direction="receive"} 1
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="transmit"} 700
            # HELP netlens_softnet_processed_total Packets taken from the backlog.
            # TYPE netlens_softnet_processed_total counter
            netlens_softnet_processed_total{netlens_scope="node",cpu_logical_number="0"} 42
            # HELP netlens_softnet_utilization_ratio Part of its time.
            # TYPE netlens_softnet_utilization_ratio gauge
            netlens_softnet_utilization_ratio{netlens_scope="node",cpu_logical_number="0"} 0.125
            # HELP netlens_sock_memory_bytes Memory of TCP sockets.
            # TYPE netlens_sock_memory_bytes gauge
            netlens_sock_memory_bytes{netlens_scope="node"} 12288
            # HELP netlens_virtio_command_duration_seconds Time that commands took.
            # TYPE netlens_virtio_command_duration_seconds histogram
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="0.001"} 3
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="0.25"} 3
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="1.0"} 5
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="+Inf"} 6
            netlens_virtio_command_duration_seconds_sum{netlens_scope="node",netlens_netns="4026531840"} 2.5
            netlens_virtio_command_duration_seconds_count{netlens_scope="node",netlens_netns="4026531840"} 6

            """);

    [Fact]
    public void Otel_names_as_OpenMetrics_with_created_samples() =>
        PrometheusSnapshotFixture.Page(
            _node.CollectGolden(), MetricNaming.Otel, PrometheusFormat.OpenMetrics, created: true)
            .ShouldBe("""
            # HELP system_network_io_bytes Bytes on the wire; \"raw\" \\ as the device counts.
            # TYPE system_network_io_bytes counter
            # UNIT system_network_io_bytes bytes
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="receive"} 1500
            system_network_io_bytes_created{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="receive"} 1767222000.250
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532002",netlens_netns_name="blue",network_interface_name="a\"b\\c\nd",network_io_direction="receive"} 1
            system_network_io_bytes_created{netlens_scope="namespace",netlens_netns="4026532002",netlens_netns_name="blue",network_interface_name="a\"b\\c\nd",network_io_direction="receive"} 1767222000.250
            system_network_io_bytes_total{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="transmit"} 700
            system_network_io_bytes_created{netlens_scope="namespace",netlens_netns="4026532001",k8s_namespace_name="shop",k8s_pod_name="web-0",k8s_pod_uid="uid-1",network_interface_name="eth0",network_io_direction="transmit"} 1767222000.250
            # HELP netlens_softnet_processed Packets taken from the backlog.
            # TYPE netlens_softnet_processed counter
            netlens_softnet_processed_total{netlens_scope="node",cpu_logical_number="0"} 42
            netlens_softnet_processed_created{netlens_scope="node",cpu_logical_number="0"} 1767222000.250
            # HELP netlens_softnet_utilization_ratio Part of its time.
            # TYPE netlens_softnet_utilization_ratio gauge
            # UNIT netlens_softnet_utilization_ratio ratio
            netlens_softnet_utilization_ratio{netlens_scope="node",cpu_logical_number="0"} 0.125
            # HELP netlens_sock_memory_bytes Memory of TCP sockets.
            # TYPE netlens_sock_memory_bytes gauge
            # UNIT netlens_sock_memory_bytes bytes
            netlens_sock_memory_bytes{netlens_scope="node"} 12288
            # HELP netlens_virtio_command_duration_seconds Time that commands took.
            # TYPE netlens_virtio_command_duration_seconds histogram
            # UNIT netlens_virtio_command_duration_seconds seconds
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="0.001"} 3
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="0.25"} 3
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="1.0"} 5
            netlens_virtio_command_duration_seconds_bucket{netlens_scope="node",netlens_netns="4026531840",le="+Inf"} 6
            netlens_virtio_command_duration_seconds_sum{netlens_scope="node",netlens_netns="4026531840"} 2.5
            netlens_virtio_command_duration_seconds_count{netlens_scope="node",netlens_netns="4026531840"} 6
            netlens_virtio_command_duration_seconds_created{netlens_scope="node",netlens_netns="4026531840"} 1767222000.250
            # EOF

            """);

    // Asked for as OpenMetrics, answered as text: the names must not get a _total.
    [Fact]
    public void KubeSkoop_names() =>
        PrometheusSnapshotFixture.Page(_node.CollectGolden(), MetricNaming.KubeSkoop, PrometheusFormat.OpenMetrics)
            .ShouldBe("""
            # HELP system_network_io_bytes_total Bytes on the wire; "raw" \\ as the device counts.
            # TYPE system_network_io_bytes_total counter
            system_network_io_bytes_total{k8s_node="node-1",k8s_namespace="shop",k8s_pod="web-0",network_interface_name="eth0",network_io_direction="receive"} 1500
            system_network_io_bytes_total{k8s_node="node-1",k8s_namespace="unknow",k8s_pod="unknow",netns="ns4026532002",network_interface_name="a\"b\\c\nd",network_io_direction="receive"} 1
            system_network_io_bytes_total{k8s_node="node-1",k8s_namespace="shop",k8s_pod="web-0",network_interface_name="eth0",network_io_direction="transmit"} 700
            # HELP kubeskoop_netdev_rxbytes Received bytes without lo.
            # TYPE kubeskoop_netdev_rxbytes counter
            kubeskoop_netdev_rxbytes{k8s_node="node-1",k8s_namespace="shop",k8s_pod="web-0"} 1500
            kubeskoop_netdev_rxbytes{k8s_node="node-1",k8s_namespace="",k8s_pod=""} 9007199254740993
            kubeskoop_netdev_rxbytes{k8s_node="node-1",k8s_namespace="unknow",k8s_pod="unknow",netns="ns4026532002"} 1
            # HELP kubeskoop_netdev_rxbyte Received bytes without lo.
            # TYPE kubeskoop_netdev_rxbyte counter
            kubeskoop_netdev_rxbyte{k8s_node="node-1",k8s_namespace="shop",k8s_pod="web-0"} 1500
            kubeskoop_netdev_rxbyte{k8s_node="node-1",k8s_namespace="",k8s_pod=""} 9007199254740993
            kubeskoop_netdev_rxbyte{k8s_node="node-1",k8s_namespace="unknow",k8s_pod="unknow",netns="ns4026532002"} 1
            # HELP netlens_softnet_processed_total Packets taken from the backlog.
            # TYPE netlens_softnet_processed_total counter
            netlens_softnet_processed_total{k8s_node="node-1",k8s_namespace="",k8s_pod="",cpu_logical_number="0"} 42
            # HELP netlens_softnet_utilization_ratio Part of its time.
            # TYPE netlens_softnet_utilization_ratio gauge
            netlens_softnet_utilization_ratio{k8s_node="node-1",k8s_namespace="",k8s_pod="",cpu_logical_number="0"} 0.125
            # HELP kubeskoop_sock_mem Memory of TCP sockets.
            # TYPE kubeskoop_sock_mem gauge
            kubeskoop_sock_mem{k8s_node="node-1",k8s_namespace="",k8s_pod=""} 3
            # HELP netlens_virtio_command_duration_seconds Time that commands took.
            # TYPE netlens_virtio_command_duration_seconds histogram
            netlens_virtio_command_duration_seconds_bucket{k8s_node="node-1",k8s_namespace="",k8s_pod="",le="0.001"} 3
            netlens_virtio_command_duration_seconds_bucket{k8s_node="node-1",k8s_namespace="",k8s_pod="",le="0.25"} 3
            netlens_virtio_command_duration_seconds_bucket{k8s_node="node-1",k8s_namespace="",k8s_pod="",le="1.0"} 5
            netlens_virtio_command_duration_seconds_bucket{k8s_node="node-1",k8s_namespace="",k8s_pod="",le="+Inf"} 6
            netlens_virtio_command_duration_seconds_sum{k8s_node="node-1",k8s_namespace="",k8s_pod=""} 2.5
            netlens_virtio_command_duration_seconds_count{k8s_node="node-1",k8s_namespace="",k8s_pod=""} 6

            """);

    [Fact]
    public void Inspector_names()
    {
        var page = PrometheusSnapshotFixture.Page(_node.CollectGolden(), MetricNaming.Inspector);
        page.Split('\n').Where(l => l.Contains("inspector_") || l.Contains("sock")).ShouldBe(
        [
            "# HELP inspector_pod_netdevrxbytes Received bytes without lo.",
            "# TYPE inspector_pod_netdevrxbytes counter",
            """inspector_pod_netdevrxbytes{node="node-1",namespace="shop",pod="web-0",netns="ns4026532001"} 1500""",
            """inspector_pod_netdevrxbytes{node="node-1",namespace="",pod="",netns="ns4026531840"} 9007199254740993""",
            """inspector_pod_netdevrxbytes{node="node-1",namespace="unknow",pod="unknow",netns="ns4026532002"} 1""",
            "# HELP netlens_sock_memory_bytes Memory of TCP sockets.",
            "# TYPE netlens_sock_memory_bytes gauge",
            """netlens_sock_memory_bytes{node="node-1",namespace="",pod="",netns=""} 12288""",
        ]);
    }

    /// <summary>A line with a label twice fails the whole page.</summary>
    [Fact]
    public void A_pod_s_label_gives_way_to_those_that_a_series_has_already()
    {
        _node.Pod.Names = _node.Pod.Names with
        {
            PodLabels = [new("app.kubernetes.io/name", "web"), new("network.io.direction", "x"), new("pod", "y")],
        };
        var snapshot = _node.CollectGolden();
        var inspector = PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Inspector).Split('\n');
        inspector.ShouldContain("inspector_pod_netdevrxbytes{node=\"node-1\",namespace=\"shop\",pod=\"web-0\","
            + "netns=\"ns4026532001\",app_kubernetes_io_name=\"web\",network_io_direction=\"x\"} 1500");
        inspector.ShouldContain("system_network_io_bytes_total{node=\"node-1\",namespace=\"shop\",pod=\"web-0\","
            + "netns=\"ns4026532001\",app_kubernetes_io_name=\"web\",network_interface_name=\"eth0\","
            + "network_io_direction=\"receive\"} 1500");
        PrometheusSnapshotFixture.Page(snapshot, MetricNaming.KubeSkoop).Split('\n').ShouldContain(
            "kubeskoop_netdev_rxbytes{k8s_node=\"node-1\",k8s_namespace=\"shop\",k8s_pod=\"web-0\","
            + "app_kubernetes_io_name=\"web\",network_io_direction=\"x\",pod=\"y\"} 1500");
    }

    [Fact]
    public void An_identity_learnt_later_shows_on_the_next_page()
    {
        var snapshot = _node.CollectGolden();
        var writer = new PrometheusWriter(PrometheusSnapshotFixture.Node);
        Render(writer, snapshot).ShouldContain("netlens_netns_name=\"blue\"");
        _node.Named.Names = new("green", "shop", "cart-0", "uid-2");
        Render(writer, snapshot).ShouldContain("netlens_netns_name=\"green\",k8s_namespace_name=\"shop\"");
    }

    private static string Render(PrometheusWriter writer, Collector.Core.Snapshots.Snapshot snapshot)
    {
        using var page = new PooledPage();
        writer.Write(snapshot, new(MetricNaming.Otel, PrometheusFormat.Text), page);
        using var bytes = new MemoryStream();
        page.CopyTo(bytes);
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }
}
