using System.Net;
using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Pods;
using Collector.Worker.Commands;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;
using Collector.Worker.Findings;
using Collector.Worker.Tests.Export.Prometheus;

namespace Collector.Worker.Tests.Commands;

/// <summary>Tables of what a machine has: of a small recorded one.</summary>
public sealed class GoldenTableTests
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";

    public static IEnumerable<object[]> Sizes => GoldenFile.SizeNames;

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Once(string size)
    {
        var snapshot = Collect();
        foreach (var detail in Enum.GetValues<OnceDetail>())
        {
            GoldenFile.Check($"once-{detail.ToString().ToLowerInvariant()}", size, screen => new OnceTable(screen)
                .Print(SeriesReader.Read(snapshot, MetricNaming.Otel, "node-1"), detail));
        }
        GoldenFile.Check("once-kubeskoop", size, screen => new OnceTable(screen)
            .Print(SeriesReader.Read(snapshot, MetricNaming.KubeSkoop, "node-1"), OnceDetail.NotZero));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Selftest(string size)
    {
        static TimeSpan? Seconds(double? seconds) => seconds is { } s ? TimeSpan.FromSeconds(s) : null;
        static SelftestResult Of(
            string kind, double? metric, double? happened, double? found, string reason, params string[] others) =>
            new(AllFaults.List.Single(f => f.Finding.Kind == kind), Seconds(metric), Seconds(happened), Seconds(found),
                "", others, "raw_tp/inet_sock_set_state + raw_tp/tcp_receive_reset, raw_tp/neigh_timer_handler", reason,
                reason.Length > 0);
        SelftestResult[] results =
        [
            Of("connect-timeout", 1.42, 3.55, 4.61, ""), Of("reassembly-fails", 1.42, null, 2.49, ""),
            Of("martian", null, null, null, "the kernel has no drop reason IP_LOCAL_SOURCE"),
            Of("nobody-listens", 0.5, 0.5, 1.6, "", "peer-reset"), Of("syn-flood", null, null, null, ""),
        ];
        GoldenFile.Check("selftest", size, screen => SelftestCommand.Print(results, screen));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Doctor(string size)
    {
        var machine = new MachineReport(
            [new("system", "Debian GNU/Linux 12 (bookworm)"), new("network namespaces", "12")], []);
        DoctorFinding[] findings =
        [
            .. "netdev qdisc softnet ip ipext icmp tcp tcpext tcpsummary udp sock conntrack".Split(' ')
                .Select(id => new DoctorFinding(id, true, "ok", "", 32, 0.52)),
            new("ipvs", true, "empty", OnceReport.NothingToTell, 0, 0.3),
            new("fd", true, "partial", "1 read failed: permission", 2, 4.4),
            new("io", true, "partial", "1 read failed: permission", 4, 1.89),
            new("slab", false, "ok", "", 35, 3.24),
            new("rdma", true, "unavailable", "no RDMA device (/sys/class/infiniband)", 0, 7.21),
            new("packetloss", true, "ok", "", 12, 5.65)
            {
                Ladder = new("packetloss",
                [
                    new("kfree_skb", false,
                    [
                        new("tp_btf/kfree_skb", WayVerdict.Taken, ""),
                        new("tp_btf/kfree_skb", WayVerdict.NotNeeded, ""),
                        new("raw_tp/kfree_skb", WayVerdict.NotNeeded, ""),
                    ]),
                ], null),
            },
            new("virtcmdlatency", true, "unavailable", "virtnet_send_command: the kernel was built without kprobes "
                + "(CONFIG_KPROBES)", 0, 51.57)
            {
                Ladder = new("virtcmdlatency",
                [
                    new("virtnet_send_command", false,
                    [
                        new("kprobe/virtnet_send_command_reply + kretprobe/virtnet_send_command_reply",
                            WayVerdict.Refused, "the kernel was built without kprobes (CONFIG_KPROBES)"),
                    ]),
                ], null),
            },
        ];
        GoldenFile.Check("doctor", size, screen => new DoctorTable(screen, machine, findings)
            .Print(whole: !screen.IsTerminal));
        GoldenFile.Check("doctor-verbose", size, screen => new DoctorTable(screen, machine, findings).Print(true));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Pods(string size)
    {
        PodListing[] pods =
        [
            new("", "", Uid, "", 4026532314, false, true, [], [4711, 4712, 4713, 4714], "cgroup", null),
            new("kube-system", "proxy-x", Uid.Replace('0', '1'), "s1", 0, true, true, [], [12], "cri",
                TimeSpan.FromDays(3)),
            new("shop", "web-0", Uid.Replace('0', '2'), "s2", 4026532315, false, true,
                [IPAddress.Parse("10.0.0.7"), IPAddress.Parse("2001:db8::7")], [77], "cri", TimeSpan.FromMinutes(5)),
            new("shop", "job-1", Uid.Replace('0', '3'), "s3", 0, false, false, [], [], "cri", TimeSpan.FromHours(2)),
        ];
        GoldenFile.Check("list-pods", size, screen =>
        {
            PodView.Print(screen, pods, "containerd 2.1");
            PodView.Print(screen, [], "containerd 2.1");
            PodView.Print(screen, [], null);
        });
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Namespaces(string size) => GoldenFile.Check("list-namespaces", size, screen =>
        NamespaceView.Print(screen,
    [
        new(4026531833, "", true, "", 1, "systemd", ""),
        new(4026532314, "cni-0a1b2c3d", false, "/run/netns/cni-0a1b2c3d", 77, "nginx", "shop/web-0"),
        new(4026532315, "", false, "", 4711, "dockerd-shim", "container 0123456789ab"),
        new(4026532316, "blue", false, "/run/netns/blue", 0, "", ""),
    ]));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Why(string size)
    {
        const string Findings = """
            {"node": "node-1", "time": "2026-03-04T12:00:30Z", "findings": [
              {"number": 1, "kind": "conntrack-full", "severity": "ERROR", "active": false,
               "first": "2026-03-04T11:30:00Z", "last": "2026-03-04T11:41:00Z",
               "sentence": "the node tracks as many connections as it may: 12 packets of new ones were dropped, 3 others had to go",
               "subject": {"netlens.scope": "node"}, "evidence": [{"source": "conntrack drop", "value": "+12 in 15 s"}],
               "ruled_out": [], "not_seen": [], "advice": "Raise net.netfilter.nf_conntrack_max.", "confirm": "conntrack -S",
               "docs": "docs/findings/conntrack-full.md"},
              {"number": 2, "kind": "accept-queue-overflow", "severity": "ERROR", "active": true,
               "first": "2026-03-04T11:57:00Z", "last": "2026-03-04T12:00:26Z",
               "sentence": "shop/web-0 drops handshakes at 0.0.0.0:8080: the program accepts too slowly, 2 connections wait, 1 may",
               "subject": {"k8s.namespace.name": "shop", "k8s.pod.name": "web-0", "netlens.netns": "4026532621"},
               "process": {"pid": 4711, "command": "web"},
               "evidence": [{"source": "ListenOverflows", "value": "+16 in 10 s"}, {"source": "sk_ack_backlog", "value": "2 of 1"}],
               "ruled_out": ["its CPU quota was not used up", "conntrack is 3 % full"], "not_seen": ["who was refused"],
               "knob": {"name": "listen(backlog)", "now": "1", "suggested": "128 (net.core.somaxconn is 4096)", "whose": "the program"},
               "confirm": "nsenter --net=/proc/4711/ns/net ss -ltn sport = :8080", "docs": "docs/findings/accept-queue-overflow.md"},
              {"number": 3, "kind": "connect-timeout", "severity": "ERROR", "active": true, "consequence_of": 2,
               "first": "2026-03-04T11:58:00Z", "last": "2026-03-04T12:00:00Z",
               "sentence": "shop/client-0 could not connect to shop/web-0:8080", "subject": {"k8s.pod.name": "client-0"}}
            ]}
            """;
        using var json = JsonDocument.Parse(Findings);
        var root = json.RootElement;
        GoldenFile.Check("why", size, screen => WhyReport.Print(root, new(null, [], null, false), screen));
        GoldenFile.Check("why-all", size, screen => WhyReport.Print(root, new(null, [], null, true), screen));
        GoldenFile.Check("why-nothing", size,
            screen => WhyReport.Print(root, new("shop/other", [], TimeSpan.FromMinutes(1), false), screen));
    }

    /// <summary>Of one little was lost, of the others a lot.</summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Why_with_packets(string size)
    {
        const string Packets = """
            {"node": "node-1", "time": "2026-03-04T12:00:30Z", "findings": [], "ledger": [
              {"whose": "shop/web-0", "subject": {"k8s.namespace.name": "shop", "k8s.pod.name": "web-0"}, "seconds": 3480.2,
               "received": 48211, "delivered": 47001, "forwarded": 0, "reassembled": 0, "lost": 1190, "refused": 7, "orderly": 3,
               "unexplained": 10, "lost_by": [{"reason": "netfilter", "packets": 1100}, {"reason": "SOCKET_RCVBUFF", "packets": 60},
               {"reason": "InHdrErrors", "packets": 20}, {"reason": "martian or policy", "packets": 6},
               {"reason": "fragments", "packets": 3}, {"reason": "ListenDrops", "packets": 1}],
               "lost_before_ip": [{"reason": "rx_dropped, rx_missed_errors", "packets": 12}],
               "sent": 47000, "sent_lost": [{"reason": "qdisc", "packets": 3}]},
              {"whose": "shop/db-0", "subject": {"k8s.namespace.name": "shop", "k8s.pod.name": "db-0"}, "seconds": 10,
               "received": 5000, "delivered": 4960, "forwarded": 0, "reassembled": 0, "lost": 40, "refused": 0, "orderly": 0,
               "unexplained": -2, "lost_by": [{"reason": "ListenDrops", "packets": 40}], "lost_before_ip": [],
               "sent": 100, "sent_lost": []},
              {"whose": "network namespace blue", "subject": {"netlens.netns.name": "blue"}, "seconds": 10,
               "received": 200, "delivered": 90, "forwarded": 90, "reassembled": 0, "lost": 0, "refused": 0, "orderly": 0,
               "unexplained": null, "lost_by": [], "lost_before_ip": [], "sent": 1000,
               "sent_lost": [{"reason": "tx_dropped", "packets": 11}]}
            ]}
            """;
        using var json = JsonDocument.Parse(Packets);
        var root = json.RootElement;
        GoldenFile.Check("why-packets", size, screen => WhyReport.Print(root, new(null, [], null, false), screen));
        GoldenFile.Check("why-packets-all", size, screen => WhyReport.Print(root, new(null, [], null, true), screen));
    }

    private static Snapshot Collect()
    {
        var node = new PrometheusSnapshotFixture();
        var direction = (string way) => new[] { new Tag("network.io.direction", way) };
        var dropped = Metric.Counter("netlens.netdev.packet.dropped", Units.Packets, "Dropped.", direction("receive"));
        var bytes = Metric.Counter("netlens.netdev.io", Units.Bytes, "Bytes.", direction("receive"))
            .Called(new("") { KubeSkoop = ["kubeskoop_netdev_rxbytes"] });
        var netdev = new TableInfo("netdev", RowScope.Namespace, [], [dropped, bytes]);
        var resets = Metric.Counter("netlens.tcpreset.resets", Units.Segments, "Resets.");
        var reset = new TableInfo("tcpreset", RowScope.Namespace,
            [new("network.io.direction"), new("netlens.reset.reason")], [resets]);
        var wait = Metric.Histogram("netlens.softirq.wait.duration", Units.Seconds, "Waits.",
            [0.000001, 0.000004, 0.001, 0.25], 1e-9);
        var softirq = new TableInfo("softirq", RowScope.Node, [new("netlens.softirq.vector")], [wait]);
        var pod = new NetNamespace(4026532001, 2, false, PrometheusSnapshotFixture.Boot,
            new("cni-0a1b2c3d", "shop", "web-0", Uid) { PodLabels = [new("app", "web")] });
        var onHost = new Subject(SubjectKind.Pod, node.Host.Inode, 1, 0, new(null, "kube-system", "proxy-x", Uid))
        {
            HostNetwork = true,
        };
        var stranger = new Subject(SubjectKind.Stranger, 4026532009, 1, 0);
        return node.Collect(b =>
        {
            foreach (var (subject, lost, received) in new (Subject, long, long)[]
                { (node.Host, 0, 9007199254740993), (pod, 3, 1500), (node.Named, 0, 1), (onHost, 0, 0) })
            {
                var row = b.Append(new Row(netdev, subject, 1));
                row.Set(dropped, lost);
                row.Set(bytes, received);
            }
            b.Append(new Row(reset, pod, 1, "transmit", "TCP_ABORT_ON_CLOSE")).Set(resets, 2);
            b.Append(new Row(reset, stranger, 1, "receive", "")).Set(resets, 1);
            b.Append(new Row(softirq, null, 1, "net_rx")).Set(wait, [100, 30, 1, 0, 1], 2_500_000_000);
            b.Append(new Row(softirq, null, 1, "timer")).Set(wait, [0, 0, 0, 0, 0], 0);
        });
    }
}
