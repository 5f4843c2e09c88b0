using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>The agent itself: does it see all, what does it cost, does what it sends arrive.</summary>
internal static class AgentDashboard
{
    public static Dashboard Make()
    {
        var n = new Series(OfNode);
        return new("netlens-agent", "Netlens / Agent", "Does it see all, what does it cost, does what it sends arrive.",
            [Node],
            [
                new("State", State(n)), new("Cost", Cost(n)), new("Losses", Losses(n)), new("Outlets", Outlets(n)),
            ]);
    }

    private static Panel[] State(Series n) =>
    [
        new("Agents", "short", "That told something in the last minutes.",
            new Query($"count({n.Own("netlens_namespaces")})")) { Kind = PanelKind.Stat, Width = 4 },
        new("Oldest snapshot", "s", "Age of the newest snapshot of the agent that is furthest behind.",
            new Query($"max(time() - {n.Own("netlens_snapshot_time_seconds")})"))
        { Kind = PanelKind.Stat, Width = 4, Red = 120 },
        new("Namespaces", "short", "Network namespaces that are read.",
            new Query($"sum({n.Own("netlens_namespaces")})")) { Kind = PanelKind.Stat, Width = 4 },
        new("Namespaces not readable", "short", "That exist but could not be opened.",
            new Query($"sum({n.Own("netlens_namespaces_unreadable")})")) { Kind = PanelKind.Stat, Width = 4, Red = 1 },
        new("Series", "short", "In the snapshots of all agents.",
            new Query($"sum({n.Own("netlens_series")})")) { Kind = PanelKind.Stat, Width = 4 },
        new("Rules that are broken", "short", "Rules of findings that are switched off because they failed.",
            new Query($"sum({n.Own("netlens_finding_rules_broken")})")) { Kind = PanelKind.Stat, Width = 4, Red = 1 },
        new("Probes that do not run", "short", "Not there on this machine, failed, or off for want of budget.",
            new Query($"sum by ($nodelabel, netlens_probe) ({n.Own("netlens_probe_running")} == 0)"))
        { Kind = PanelKind.Table, Width = 12 },
        new("Pods", "short", "Known by the container runtime, and namespaces that look like a pod's without a name.",
            new Query(n.Levels("$nodelabel", "netlens.pods.identities"), "known"),
            new Query(n.Levels("$nodelabel", "netlens.pods.unresolved"), "without a name")) { Width = 12 },
    ];

    private static Panel[] Cost(Series n) =>
    [
        new("Processor", "percentunit", "Of one: the agent's process, and its programs in the kernel.",
            new Query($"sum by ($nodelabel) ({n.Own("netlens_agent_cpu_utilization_ratio")})"),
            new Query($"sum by ($nodelabel) ({n.Own("netlens_budget_cpu_usage_ratio")})")),
        new("Memory", "bytes", "Resident memory; kernel memory of its programs' maps.",
            new Query($"sum by ($nodelabel) ({n.Own("process_memory_usage_bytes")})"),
            new Query(n.Levels("$nodelabel", "netlens.ebpf.memory"))),
        new("Collections", "s", "How long the last one took.",
            new Query($"max by ($nodelabel) ({n.Own("netlens_collection_duration_seconds")})")),
        new("Probes: processor", "percentunit", "The ten that take most of one processor.",
            new Query(Top($"sum by (netlens_probe) ({n.OwnRate("netlens_probe_cpu_time_seconds_total")})"),
                "{{netlens_probe}}")),
        new("Programs in the kernel", "percentunit", "The ten that take most of one processor.",
            new Query(
                Top($"max by (netlens_probe, netlens_ebpf_program) ({n["netlens.ebpf.program.cpu.utilization"]})"),
                "{{netlens_probe}} {{netlens_ebpf_program}}")),
        new("Garbage collections", "cps", "Of the agent's runtime.",
            new Query($"sum by (dotnet_gc_heap_generation) ({n.OwnRate("dotnet_gc_collections_total")})",
                "{{dotnet_gc_heap_generation}}")),
    ];

    private static Panel[] Losses(Series n) =>
    [
        new("Events lost in the kernel", "cps", "No room for an event or for a count's entry, by probe.",
            new Query(n.Rates("netlens_probe, error_type", "netlens.ebpf.lost"), "{{netlens_probe}} {{error_type}}")),
        new("Reads that failed", "cps", "By probe and reason.",
            new Query($"sum by (netlens_probe, error_type) ({n.OwnRate("netlens_probe_errors_total")})",
                "{{netlens_probe}} {{error_type}}")),
        new("Probes that broke off", "cps", "Could not start or failed in a collection.",
            new Query($"sum by (netlens_probe) ({n.OwnRate("netlens_probe_failures_total")})", "{{netlens_probe}}")),
        new("Collections missed", "cps", "Left out because one took longer than the interval.",
            new Query($"sum by ($nodelabel) ({n.OwnRate("netlens_collection_missed_total")})")),
        new("Findings lost", "cps", "Findings not kept, and events that the rules did not see.",
            new Query($"sum by ($nodelabel) ({n.OwnRate("netlens_finding_lost_total")})"),
            new Query($"sum by ($nodelabel) ({n.OwnRate("netlens_finding_events_lost_total")})")),
        new("Beyond limits", "short", "What is there beyond a limit of the section limits.",
            new Query($"sum by ($nodelabel, netlens_limit) ({n.Own("netlens_limit_left_out")})")),
    ];

    private static Panel[] Outlets(Series n) =>
    [
        new("Pages for scrapers", "cps", "Pages of /metrics that were sent whole.",
            new Query($"sum by ($nodelabel) ({n.OwnRate("netlens_prometheus_scrapes_total")})")),
        new("Points over OTLP", "cps", "Taken by the backend, refused, lost with a failed request.",
            new Query($"sum({n.OwnRate("netlens_otlp_points_exported_total")})", "taken"),
            new Query($"sum({n.OwnRate("netlens_otlp_points_rejected_total")})", "refused"),
            new Query($"sum({n.OwnRate("netlens_otlp_points_failed_total")})", "lost")),
        new("Requests over OTLP that failed", "cps", "For good, by reason.",
            new Query($"sum by (error_type) ({n.OwnRate("netlens_otlp_failures_total")})", "{{error_type}}")),
    ];
}
