using Backends.Tests.Dashboards;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings;

namespace Backends.Tests.Alerts;

/// <summary>
/// Every rule of otel-config/alerts: one per kind of finding that is an error at worst, backstops on counters for what
/// no rule of the agent knows, and the agent itself. The only registry.
/// </summary>
internal static class AllAlerts
{
    public const string Faulty = "node-a:9102";
    public const string Healthy = "node-b:9102";

    // Without any filter of a dashboard.
    private static readonly Series N = new("");

    public static IReadOnlyList<FindingInfo> Errors { get; } =
        [.. AllFindings.List.Select(f => f.Info).Where(i => i.Severity == EventSeverity.Error)];

    public static IReadOnlyList<(string Group, IReadOnlyList<Alert> Alerts)> Groups { get; } =
    [
        ("netlens-findings", [.. Errors.Select(OfFinding)]),
        ("netlens-backstops", [.. Burns(), .. Backstops()]),
        ("netlens-agent", [.. Agent()]),
    ];

    private static Alert OfFinding(FindingInfo info)
    {
        var series = N["netlens.finding.active", $"netlens_finding_kind=\"{info.Kind}\""];
        return new(NameOf(info), $"{series} > 0", info.Title,
            $"{info.Advice} On the node, netlens why shows the evidence and what was ruled out.")
        {
            // A finding is active for a minute after it was last seen: it came again.
            For = "2m",
            Page = $"findings/{info.Kind}.md",
            Case = new([(series, "0 1x20", "0 1 1 0x20")], "10m", $"netlens_finding_kind=\"{info.Kind}\"", true),
        };
    }

    public static string NameOf(FindingInfo info) =>
        "Netlens" + string.Concat(info.Kind.Split('-').Select(w => char.ToUpperInvariant(w[0]) + w[1..]));

    private static IEnumerable<Alert> Burns() =>
    [
        .. Burn("Handshakes", "Listeners drop a part of the handshakes",
            "Look at accept queues: netlens why names the listener and whose limit it is.",
            "findings/accept-queue-overflow.md", 0.001, Of("netlens.tcpext.listen_drops"),
            Of("netlens.tcpext.listen_drops"), Of("netlens.tcp.passive_opens")),
        .. Burn("Connects", "A part of the connects fails",
            "Look at how they end: netlens_connect_attempts_total by netlens_connect_outcome.",
            "probes/connect.md", 0.01, Of("netlens.connect.failed"), Of("netlens.connect.attempts")),
        .. Burn("DnsQueries", "A part of the DNS queries fails",
            "Look at which server and how: netlens_dns_lookups_total by server_address and netlens_dns_outcome.",
            "probes/dns.md", 0.01, Of("netlens.dns.failed"), Of("netlens.dns.lookups")),
        .. Burn("PacketsLost", "A part of the received packets is lost",
            "Look at the reasons: netlens_packetloss_drops_total by netlens_drop_reason.", "probes/ledger.md", 0.001,
            Of("netlens.ledger.packets", "netlens_ledger_fate=\"lost\""), Of("netlens.ledger.packets")),
        .. Burn("UdpReceive", "A part of the datagrams finds no room at its socket",
            "Read faster, or give the socket a larger buffer.", "findings/udp-receive-overflow.md", 0.001,
            Of("netlens.udp.rcvbuf_errors"), Of("netlens.udp.rcvbuf_errors"),
            Of("netlens.udp.datagrams", "network_io_direction=\"receive\"")),
    ];

    private static IEnumerable<Alert> Backstops() =>
    [
        Ratio("Retransmissions", "Many segments are sent again",
            "See what made the kernel do it: netlens_tcpretrans_segments_total by netlens_retransmit_kind.",
            "findings/path-loss.md", 0.05, Of("netlens.tcp.retrans_segs"),
            Of("netlens.tcp.segments", "network_io_direction=\"transmit\"")),
        Ratio("SoftnetDrops", "Backlogs of processors drop packets",
            "Spread receiving over processors, or raise net.core.netdev_max_backlog.", "findings/backlog-overflow.md",
            0.001, Of("netlens.softnet.dropped"), Of("netlens.softnet.processed")),
        Ratio("DeviceErrors", "A device of the node receives or sends with errors",
            "Look at cable, optics and driver: ethtool -S names the errors.", "probes/netdev.md", 0.001,
            Of("system.network.errors", "netlens_scope=\"node\""),
            Of("system.network.packet.count", "netlens_scope=\"node\"")),
        Ratio("Throttled", "A CPU quota is used up in many periods", "Give the pod a larger quota, or none.",
            "findings/quota-throttled.md", 0.25, Of("netlens.throttling.throttled_periods"),
            Of("netlens.throttling.periods"), least: 0.5),
        Full("Conntrack", "Connection tracking is nearly full",
            "Raise net.netfilter.nf_conntrack_max, or find who opens so many connections.",
            "findings/conntrack-filling.md", "netlens.conntrack.entry.count", "netlens.conntrack.entry.limit"),
        Full("Neighbours", "The table of neighbours is nearly full",
            "Raise net.ipv4.neigh.default.gc_thresh3, and that of IPv6.", "findings/neighbour-table-full.md",
            "netlens.neighbour.entry.count", "netlens.neighbour.entry.limit"),
        Full("Ports", "Local ports are nearly used up",
            "Keep connections open, or widen net.ipv4.ip_local_port_range.", "findings/ephemeral-ports-filling.md",
            "netlens.ports.used", "netlens.ports.limit"),
        Full("SnatPorts", "Ports of source NAT are nearly used up", "Give source NAT more addresses, or more ports.",
            "findings/snat-exhaustion.md", "netlens.ports.snat.used", "netlens.ports.snat.limit"),
        Full("AcceptQueue", "A listener's accept queue is nearly full", "Accept faster, or allow a longer queue.",
            "findings/accept-queue-filling.md", "netlens.tcp.listen.queue.highest",
            "netlens.tcp.listen.queue.highest_limit"),
        Above("NetlensFilesNearlyFull", "A process has nearly as many files open as it may",
            "Raise its RLIMIT_NOFILE, or find what it does not close.", "probes/fd.md",
            N["netlens.fd.utilization"], "0.9", "0.95", "0.5"),
    ];

    private static IEnumerable<Alert> Agent() =>
    [
        new("NetlensSilent", "time() - max_over_time(netlens_snapshot_time_seconds[1h]) > 180",
            "An agent has not told anything for three minutes",
            "Look at its log and at /healthz. Of a node that was taken away it ends after an hour.")
        {
            For = "5m",
            Page = "prometheus.md",
            Case = new([("netlens_snapshot_time_seconds", "0+60x5 _x30", "0+60x30")], "15m", "", false),
        },
        Grows("NetlensProbeFails", "A probe cannot start, or breaks off", "See netlens doctor and the agent's log.",
            "probes/README.md", "netlens_probe_failures_total", "netlens_probe=\"qdisc\""),
        Grows("NetlensReadsFail", "Reads of a probe fail", "See netlens doctor and the agent's log.",
            "probes/README.md", "netlens_probe_errors_total", "netlens_probe=\"qdisc\",error_type=\"permission\""),
        Grows("NetlensEventsLost", "Occurrences are lost in or behind the kernel",
            "error_type says what had no room; the section ebpf of the configuration gives it more.", "probes/ebpf.md",
            N["netlens.ebpf.lost"], "netlens_probe=\"packetloss\",error_type=\"buffer\""),
        Grows("NetlensCollectionsMissed", "Collections take longer than their interval",
            "See netlens_probe_duration_seconds for the probe, or raise collection.interval.", "configuration.md",
            "netlens_collection_missed_total", ""),
        Grows("NetlensPointsLost", "Points are lost on the way to the backend",
            "netlens_otlp_failures_total says why.", "otlp.md", "netlens_otlp_points_failed_total", ""),
        Above("NetlensProbeSwitchedOff", "A probe is off because eBPF programs took more than budget.cpu",
            "Raise budget.cpu, or switch the probe off for good.", "probes/ebpf.md", "netlens_probe_switched_off", "0",
            "1", "0", ofPod: false),
    ];

    /// <summary>
    /// The share of what failed against what may fail: a fast burn uses 2 % of a month's budget in an hour, a slow one
    /// 5 % in six hours; the short window ends the alert soon after the fault.
    /// </summary>
    private static IEnumerable<Alert> Burn(
        string name, string title, string advice, string page, double budget, Selected part, params Selected[] whole)
    {
        foreach (var (speed, factor, window, shortly, severity) in new[]
        {
            ("Fast", 14.4, "1h", "5m", "critical"), ("Slow", 6, "6h", "30m", "warning"),
        })
        {
            var least = FormattableString.Invariant($"{factor * budget:0.####}");
            string Above(string w) => $"{Share(w, part, whole)} > {least}";
            yield return new($"Netlens{name}{speed}Burn", $"({Above(window)}) and ({Above(shortly)})", title, advice)
            {
                Severity = severity,
                For = "2m",
                Page = page,
                Case = new(
                    [
                        (part.Series, "0+200x20", "0x20"),
                        .. whole.Where(w => w != part).Select(w => (w.Series, "0+1000x20", "0+1000x20")),
                    ], "10m", "", true),
            };
        }
    }

    private static Alert Ratio(
        string name, string title, string advice, string page, double most, Selected part, Selected whole,
        double least = 1)
    {
        var expression = FormattableString.Invariant($"{Share("15m", part, [whole], least)} > {most}");
        var isOfNode = part.Where.Contains("netlens_scope", StringComparison.Ordinal);
        return new($"Netlens{name}", expression, title, advice)
        {
            For = "10m",
            Page = page,
            Case = new([(part.Series, "0+400x30", "0x30"), (whole.Series, "0+1000x30", "0+1000x30")], "20m",
                isOfNode ? part.Where : "", !isOfNode),
        };
    }

    // What tells the series of one metric apart, and those of the others not, is added up. What tells nodes apart
    // stays, whatever it is called.
    private static string Share(string window, Selected part, Selected[] whole, double least = 0)
    {
        var labels = whole.Append(part).Select(s => Series.LabelsOf(s.Metric)).ToArray();
        var common = labels.Select(l => l.OfRows).Aggregate((a, b) => [.. a.Intersect(b)]);
        var apart = labels.SelectMany(l => l.OfRows.Except(common).Concat(l.OfColumns)).Distinct().Order().ToArray();
        string Grown(Selected s) => apart.Length == 0
            ? $"rate({s.Series}[{window}])"
            : $"sum without ({string.Join(", ", apart)}) (rate({s.Series}[{window}]))";
        var all = string.Join(" + ", whole.Select(Grown));
        return FormattableString.Invariant($"{Grown(part)} / (({all}) > {least})");
    }

    private static Alert Full(string name, string title, string advice, string page, string part, string limit) =>
        new($"Netlens{name}NearlyFull", $"{N[part]} / {N[limit]} > 0.9", title, advice)
        {
            For = "5m",
            Page = page,
            Case = new([(Series.NameOf(part), "95x30", "50x30"), (N[limit], "100x30", "100x30")], "10m", "", true),
        };

    private static Alert Above(
        string name, string title, string advice, string page, string series, string least, string faulty,
        string healthy, bool ofPod = true) => new(name, $"{series} > {least}", title, advice)
        {
            For = "5m",
            Page = page,
            Case = new([(series, $"{faulty}x30", $"{healthy}x30")], "10m", "", ofPod),
        };

    private static Alert Grows(
        string name, string title, string advice, string page, string series, string labels) =>
        new(name, $"increase({series}[15m]) > 0", title, advice)
        {
            For = "5m",
            Page = page,
            Case = new([(series, "0+1x30", "7x30")], "22m", labels, false),
        };

    private static Selected Of(string metric, string where = "") => new(metric, where);

    private sealed record Selected(string Metric, string Where = "")
    {
        public string Series => N[Metric, Where];
    }
}
