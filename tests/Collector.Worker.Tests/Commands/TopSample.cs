using System.Text.Json;
using Collector.Worker.Commands;

namespace Collector.Worker.Tests.Commands;

/// <summary>Documents of a made-up node, with names that somebody chose to break a terminal.</summary>
internal static class TopSample
{
    /// <summary>Clears the screen, rings, turns the direction round; 4 KB long.</summary>
    public static readonly string HostileName = "evil/\e[2J\a\u202ename\u0301<b>" + new string('x', 4096);

    public static readonly string Overview = $$$"""
        {"version": "0.1.0", "time": "2026-03-04T12:00:30Z", "window_seconds": 60,
         "node": {"name": "node-1", "kernel": "6.12.117", "os": "Debian GNU/Linux 13", "cpus": 8,
           "uptime_seconds": 345600, "boot_time": "2026-02-28T12:00:30Z"},
         "agent": {"version": "0.1.0", "uptime_seconds": 86400, "cpu_percent": 0.83, "memory_bytes": 31457280,
           "bpf_cpu_percent": 0.1},
         "collection": {"time": "2026-03-04T12:00:30Z", "age_seconds": 2.2, "interval_seconds": 15, "duration_ms": 9.1,
           "recorded_seconds": 3600},
         "blind": [{"what": "virtcmdlatency", "why": "the kernel was built without kprobes (CONFIG_KPROBES)"}],
         "checked": {"kinds": 77, "observable": 70},
         "findings": [
           {"number": 2, "kind": "accept-queue-overflow", "severity": "ERROR", "active": true,
            "first": "2026-03-04T11:57:00Z", "last": "2026-03-04T12:00:26Z",
            "sentence": "shop/web-0 drops handshakes at 0.0.0.0:8080: the program accepts too slowly, 2 connections wait, 1 may",
            "subject": {"k8s.namespace.name": "shop", "k8s.pod.name": "web-0", "netlens.netns": "4026532621"},
            "process": {"pid": 4711, "command": "web"},
            "evidence": [{"source": "ListenOverflows", "value": "+16 in 10 s"}, {"source": "sk_ack_backlog", "value": "2 of 1"}],
            "ruled_out": ["its CPU quota was not used up", "conntrack is 3 % full"], "not_seen": ["who was refused"],
            "knob": {"name": "listen(backlog)", "now": "1", "suggested": "128 (net.core.somaxconn is 4096)", "whose": "the program"},
            "confirm": "nsenter --net=/proc/4711/ns/net ss -ltn sport = :8080", "docs": "docs/findings/accept-queue-overflow.md"},
           {"number": 3, "kind": "cpu-throttled", "severity": "WARN", "active": true,
            "first": "2026-03-04T11:58:00Z", "last": "2026-03-04T12:00:10Z",
            "sentence": "shop/client-0 waits for CPU in 41 % of its periods", "evidence": [],
            "subject": {"k8s.namespace.name": "shop", "k8s.pod.name": "client-0", "netlens.netns": "4026532622"}},
           {"number": 1, "kind": "conntrack-full", "severity": "ERROR", "active": false,
            "first": "2026-03-04T11:30:00Z", "last": "2026-03-04T11:41:00Z",
            "sentence": "the node tracks as many connections as it may: 12 packets of new ones were dropped",
            "subject": {"netlens.scope": "node"}, "evidence": [{"source": "conntrack drop", "value": "+12 in 15 s"}],
            "ruled_out": [], "not_seen": [], "advice": "Raise net.netfilter.nf_conntrack_max.", "confirm": "conntrack -S",
            "docs": "docs/findings/conntrack-full.md"}],
         "ledger": {"whose": "the node, all namespaces", "seconds": 60, "received": 48211, "delivered": 47001,
           "forwarded": 0, "reassembled": 0, "lost": 1190, "refused": 7, "orderly": 3, "unexplained": 10,
           "lost_by": [{"reason": "netfilter", "packets": 1100}, {"reason": "SOCKET_RCVBUFF", "packets": 90}],
           "lost_before_ip": [{"reason": "rx_dropped, rx_missed_errors", "packets": 12}], "sent": 47000,
           "sent_lost": [{"reason": "qdisc", "packets": 3}]},
         "pods": [
           {"id": "n4026532621", "kind": "pod", "name": "shop/web-0", "pod": {"name": "web-0", "namespace": "shop"},
            "containers": ["web", "sidecar"], "netns_inode": 4026532621, "connections": 212, "new_per_second": 48.25,
            "retransmit_percent": 1.24, "rtt_p50_ms": 0.4, "rtt_p99_ms": 31.5, "resets_per_second": 2.5,
            "drops_per_second": 12.5, "listener_worst": {"port": 8080, "used": 2, "limit": 1},
            "receive_queue_bytes": 20480, "throttled_percent": 0, "bytes_in_per_second": 1250000,
            "bytes_out_per_second": 90000, "findings": 1, "severity": "error",
            "spark": [0, 0, 1, null, 5, 9, 12.5, 12.5, 11, 12.5, 12.5, 12.5]},
           {"id": "n4026532622", "kind": "pod", "name": "shop/client-0", "pod": {"name": "client-0", "namespace": "shop"},
            "containers": [], "netns_inode": 4026532622, "connections": 4, "new_per_second": 0.02,
            "retransmit_percent": 0, "rtt_p50_ms": 0.1, "rtt_p99_ms": 0.3, "resets_per_second": 0,
            "drops_per_second": 0, "listener_worst": null, "receive_queue_bytes": 0, "throttled_percent": 41.2,
            "bytes_in_per_second": 90, "bytes_out_per_second": 12000000, "findings": 1, "severity": "warn", "spark": [0, 0]},
           {"id": "host", "kind": "host", "name": "host", "pod": null, "containers": [], "netns_inode": 4026531833,
            "connections": 31, "new_per_second": 1, "retransmit_percent": 0.004, "rtt_p50_ms": null, "rtt_p99_ms": null,
            "resets_per_second": 0, "drops_per_second": 0.5, "listener_worst": {"port": 22, "used": 0, "limit": 128},
            "receive_queue_bytes": 0, "throttled_percent": null, "bytes_in_per_second": 125000000,
            "bytes_out_per_second": 1000, "findings": 0, "severity": null, "spark": []},
           {"id": "n4026532623", "kind": "namespace", "name": {{{JsonSerializer.Serialize(HostileName)}}}, "pod": null,
            "containers": [], "netns_inode": 4026532623, "connections": null, "findings": 0, "severity": null},
           {"id": "n4026532624", "kind": "pod", "name": "店舗/ウェブ", "pod": {"name": "ウェブ", "namespace": "店舗"},
            "containers": [], "netns_inode": 4026532624, "connections": 1, "drops_per_second": 0, "findings": 0,
            "severity": null}],
         "pods_left_out": 0}
        """;

    public const string Node = """
        {"cpus": [{"cpu": "0", "softirq_percent": 3.1, "net_rx_per_second": 120, "net_tx_per_second": 8}],
         "devices": [
           {"subject": "host", "device": "eth0", "up": true, "speed_bps": 10000000000, "rx_bps": 1000000000, "tx_bps": 8000,
            "errors_per_second": 0, "drops_per_second": 0.2, "qdisc": "mq", "qdisc_drops_per_second": 0.05, "backlog_bytes": 0},
           {"subject": "host", "device": "cni0", "up": true, "speed_bps": null, "rx_bps": 120, "tx_bps": 80,
            "errors_per_second": 0, "drops_per_second": 0, "qdisc": "noqueue", "qdisc_drops_per_second": null, "backlog_bytes": null},
           {"subject": "n4026532621", "device": "eth0", "up": false, "speed_bps": 10000000000, "rx_bps": 10000000,
            "tx_bps": 720000, "errors_per_second": 0, "drops_per_second": 0, "qdisc": "fq", "qdisc_drops_per_second": 0,
            "backlog_bytes": 66000}],
         "gauges": [{"name": "conntrack", "subject": "host", "used": 200000, "limit": 262144, "seconds_to_full": 400},
           {"name": "neighbours v4", "subject": "host", "used": 12, "limit": 1024, "seconds_to_full": null}],
         "sysctls": []}
        """;

    public const string Listeners = """
        {"listeners": [
           {"subject": "n4026532621", "name": "shop/web-0", "address": "0.0.0.0", "port": 8080, "pid": 4711, "process": "web",
            "queue": 2, "limit": 1, "limit_origin": "listen()", "drops_per_second": 12.5, "drops": 512},
           {"subject": "n4026532622", "name": "shop/client-0", "address": "2001:db8:1234:5678:9abc:def0:1234:5678", "port": 9090,
            "pid": null, "process": null, "queue": 70, "limit": 128, "limit_origin": null, "drops_per_second": 0, "drops": 0},
           {"subject": "host", "name": "host", "address": null, "port": null, "pid": null, "process": null, "queue": 0,
            "limit": 4096, "limit_origin": null, "drops_per_second": null, "drops": null}],
         "left_out": 0}
        """;

    public const string Drops = """
        {"drops": [
           {"subject": "n4026532621", "name": "shop/web-0", "stage": "protocols", "reason": "ListenOverflows", "packets": 750,
            "lost": 750, "per_second": 12.5},
           {"subject": "host", "name": "host", "stage": "ip", "reason": "netfilter", "packets": 440, "lost": 440,
            "per_second": 7.3},
           {"subject": "host", "name": "host", "stage": "protocols", "reason": "NO_SOCKET", "packets": 7, "lost": 0,
            "per_second": 0.1}],
         "left_out": 3}
        """;

    public const string Pod = """
        {"subject": {"id": "n4026532621", "kind": "pod", "name": "shop/web-0", "containers": ["web", "sidecar"],
           "netns_inode": 4026532621, "connections": 212, "new_per_second": 48.25, "drops_per_second": 12.5, "findings": 1},
         "listeners": [{"address": "0.0.0.0", "port": 8080, "pid": 4711, "process": "web", "queue": 2, "limit": 1,
           "limit_origin": "listen()", "drops": 512}],
         "peers": [{"address": "kube-system/dns-1", "port": "53", "connections": 12, "rtt_ms": 0.4, "retransmits": 3,
           "failed": {"ECONNREFUSED": 4}}],
         "latency": [{"station": "receive to read", "p50_ms": 0.2, "p99_ms": 41, "count": 900}],
         "events": [{"seq": 7, "time": "2026-03-04T12:00:26.5Z", "event": "netlens.listen.drop", "severity": "ERROR",
           "message": "a handshake from 10.0.0.9:4000 was dropped at 0.0.0.0:8080", "attributes": {}}],
         "findings": [{"number": 2, "severity": "ERROR", "active": true,
           "sentence": "shop/web-0 drops handshakes at 0.0.0.0:8080: the program accepts too slowly, 2 connections wait, 1 may"}],
         "changes": [{"metric": "netlens.tcp.listen.drops", "kernel": "ListenDrops", "source": "/proc/net/netstat",
           "unit": "{connection}/s", "tags": {"reason": "overflow"}, "before_per_second": 0, "now_per_second": 12.5,
           "ratio": null, "score": 9}]}
        """;

    public static JsonElement Element(string json) => JsonDocument.Parse(json).RootElement;

    /// <summary>All of it.</summary>
    public static Dictionary<string, JsonElement> Documents => new()
    {
        ["overview"] = Element(Overview), ["node"] = Element(Node), ["subjects/n4026532621"] = Element(Pod),
        ["listeners"] = Element(Listeners), ["drops"] = Element(Drops),
    };

    /// <summary>A screen that shows it.</summary>
    public static TopState State(TopTab tab = TopTab.Findings)
    {
        var state = new TopState();
        state.Show(tab);
        state.Take(Documents);
        return state;
    }
}
