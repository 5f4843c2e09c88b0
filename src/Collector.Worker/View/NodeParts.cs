using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;

namespace Collector.Worker.View;

/// <summary>Processors, devices, tables and settings of the machine.</summary>
internal static class NodeParts
{
    private const int MostDevices = 500;
    private const int MostGauges = 500;
    private const int Bits = 8;
    private const string Cpu = "cpu.logical_number";
    private const string Vector = "netlens.softirq.vector";
    private const string Device = "network.interface.name";

    public static NodeDetail Of(
        ViewWindow window, IReadOnlyDictionary<string, KnownSubject> subjects, ViewSource source)
    {
        var (devices, gauges) = (Devices(window, subjects), Gauges(window, subjects).ToList());
        var worst = devices.Take(MostDevices).Select(
            d => d.Subject == SubjectIds.Host ? d with { SpeedBps = source.SpeedOf(d.Device) } : d);
        // The machine's own, then the fullest.
        var shown = gauges.OrderByDescending(static g => g.Subject == SubjectIds.Host)
            .ThenByDescending(static g => g.Limit > 0 ? g.Used / (double)g.Limit : 0);
        return new(
            Cpus(window), [.. worst], [.. shown.Take(MostGauges)], Sysctls(source.Findings),
            Math.Max(0, devices.Count - MostDevices), Math.Max(0, gauges.Count - MostGauges));
    }

    // All together, then one by one where the probes are told to tell them apart (perCpu).
    private static List<CpuView> Cpus(ViewWindow window)
    {
        var cpus = new List<CpuView>();
        if (window.Before is null)
            return cpus;
        var (runs, runsAtCpu) = NodeFigures.SoftirqRuns;
        var (drops, dropsAtCpu) = NodeFigures.BacklogDrops;
        // With perCpu there is none of all.
        cpus.Add(CpuOf(
            window, "all", window.Rows(runs.Table, null).Any() ? runs : runsAtCpu,
            window.Rows(drops.Table, null).Any() ? drops : dropsAtCpu, static _ => true, static _ => true));
        foreach (var cpu in window.Rows(runsAtCpu.Table, null).Concat(window.Rows(dropsAtCpu.Table, null))
            .Select(static r => r.Tag(Cpu)).Distinct()
            .OrderBy(static c => int.TryParse(c, out var number) ? number : int.MaxValue))
        {
            cpus.Add(CpuOf(window, cpu, runsAtCpu, dropsAtCpu,
                r => r.Tags[1].Text == cpu, r => r.Tag(Cpu) == cpu));
        }
        cpus.RemoveAll(static c => c is { SoftirqPercent: null, DropsPerSecond: null });
        return cpus;
    }

    private static CpuView CpuOf(
        ViewWindow window, string cpu, Metric runs, Metric drops, Func<Row, bool> its,
        Func<WindowRow, bool> itsDrops)
    {
        var known = window.Rows(runs.Table, null).Any(r => its(r.Row));
        var dropped = window.Rows(drops.Table, null).Where(itsDrops).Select(r => r.Grown(drops))
            .OfType<long>().ToArray();
        return new(
            cpu, known ? Rounded.Of(Metric.Scaled(Columns(null)[^1], runs.Scale) / window.Window.Seconds * 100) : null,
            known ? Rounded.Of(Quantiles.Count(Columns("net_rx")) / window.Window.Seconds) : null,
            known ? Rounded.Of(Quantiles.Count(Columns("net_tx")) / window.Window.Seconds) : null,
            dropped.Length > 0 ? Rounded.Of(dropped.Sum() / window.Window.Seconds) : null);

        long[] Columns(string? vector) => window.Buckets(
            runs, null, r => its(r) && (vector is null || r.Tags[0].Text == vector));
    }

    private static List<DeviceView> Devices(
        ViewWindow window, IReadOnlyDictionary<string, KnownSubject> subjects)
    {
        var devices = new List<DeviceView>();
        var columns = NodeFigures.Devices.Metrics;
        var (qdiscDrops, backlog) = NodeFigures.QdiscFigures;
        foreach (var (id, subject) in subjects)
        {
            Dictionary<string, WindowRow>? roots = null;
            foreach (var row in window.Rows(NodeFigures.Devices, subject))
            {
                roots ??= window.Rows(NodeFigures.Qdiscs, subject)
                    .Where(static q => q.Tag("netlens.qdisc.parent") == "root")
                    .GroupBy(static q => q.Tag(Device)).ToDictionary(static g => g.Key, static g => g.First());
                WindowRow? root = roots.TryGetValue(row.Tag(Device), out var found) ? found : null;
                devices.Add(new(
                    id, row.Tag(Device), row.Level(NodeFigures.DeviceUp) is { } up ? up != 0 : null, null,
                    Rate(row, Bits, columns[0]), Rate(row, Bits, columns[1]), Rate(row, 1, columns[4], columns[5]),
                    Rate(row, 1, columns[6], columns[7]), root?.Tag("netlens.qdisc.kind"),
                    root is { } drops ? Rate(drops, 1, qdiscDrops) : null, root?.Level(backlog)));
            }
        }
        return [.. devices.OrderByDescending(static d => d.DropsPerSecond ?? 0)
            .ThenByDescending(static d => (d.RxBps ?? 0) + (d.TxBps ?? 0))];

        double? Rate(WindowRow row, int times, params ReadOnlySpan<Metric> metrics)
        {
            if (window.Before is null)
                return null;
            long? sum = null;
            foreach (var metric in metrics)
            {
                if (row.Grown(metric) is { } growth)
                    sum = (sum ?? 0) + growth;
            }
            return Rounded.Of(sum * times / window.Window.Seconds);
        }
    }

    private static IEnumerable<GaugeView> Gauges(
        ViewWindow window, IReadOnlyDictionary<string, KnownSubject> subjects)
    {
        foreach (var (id, subject) in subjects)
        {
            if (window.Level(NodeFigures.Tracked.Used, subject) is { } used
                && (used > 0 || subject.First.IsHost))
            {
                var limit = window.Level(NodeFigures.Tracked.Limit, subject);
                yield return new("conntrack", id, used, limit,
                    SecondsToFull(used, limit, Risen(window.Rows(NodeFigures.Tracked.Used.Table, subject),
                        NodeFigures.Tracked.Used), window));
            }
            foreach (var (name, its) in new[]
            {
                ("ports", NodeFigures.Ports), ("UDP ports", NodeFigures.UdpPorts),
                ("SNAT ports", NodeFigures.TranslatedPorts),
            })
            {
                if (window.Level(its.Used, subject) is { } ports)
                {
                    yield return new(name, id, ports, window.Level(its.Limit, subject),
                        window.Level(its.TimeToFull, subject) is { } full
                            ? Metric.Scaled(full, its.TimeToFull.Scale) : null);
                }
            }
        }
        foreach (var row in window.Rows(NodeFigures.NextHops.Used.Table, null))
        {
            if (row.Level(NodeFigures.NextHops.Used) is not { } hops)
                continue;
            var limit = row.Level(NodeFigures.NextHops.Limit);
            yield return new($"neighbours {row.Tag("network.type").Replace("ip", "")}", SubjectIds.Host, hops, limit,
                SecondsToFull(hops, limit, Risen([row], NodeFigures.NextHops.Used), window));
        }
        foreach (var (name, metric) in new[]
        {
            ("TCP sockets memory", NodeFigures.SocketMemory.Tcp), ("UDP sockets memory", NodeFigures.SocketMemory.Udp),
        })
        {
            foreach (var row in window.Rows(metric.Table, null))
            {
                if (row.Level(metric) is { } bytes)
                    yield return new(name, SubjectIds.Host, (long)Metric.Scaled(bytes, metric.Scale), null, null);
            }
        }
    }

    // Levels that fall are no counters that began anew. Null: nobody told it then.
    private static long? Risen(IEnumerable<WindowRow> rows, Metric level)
    {
        long? risen = null;
        foreach (var row in rows)
        {
            if (row.Level(level) is { } now && row.LevelBefore(level) is { } then)
                risen = (risen ?? 0) + now - then;
        }
        return risen;
    }

    private static double? SecondsToFull(long used, long? limit, long? risen, ViewWindow window) =>
        window.Before is null || limit is null || risen is null or <= 0 || used >= limit ? null
            : Rounded.Of((limit.Value - used) / (risen.Value / window.Window.Seconds));

    // What a finding of now wants turned, where that is a setting of the kernel.
    private static IReadOnlyList<SysctlView> Sysctls(IReadOnlyList<Finding> findings) =>
    [
        .. findings.Where(static f => f.IsActive && f.Verdict.Knob is { } knob && IsSysctl(knob.Name))
            .Select(static f => new SysctlView(f.Verdict.Knob!.Name,
                f.Verdict.Knob.Now.Length > 0 ? f.Verdict.Knob.Now : null, f.Sentence))
            .DistinctBy(static s => (s.Name, s.Risk)),
    ];

    private static bool IsSysctl(string name) => name.Split('.', 2)[0] is "net" or "vm" or "fs" or "kernel";
}
