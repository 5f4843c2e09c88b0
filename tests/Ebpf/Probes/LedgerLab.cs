using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Drops;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>The ledger with the probes whose figures it adds up, and what nstat counted meanwhile.</summary>
internal sealed class LedgerLab : IDisposable
{
    private readonly TestNetns _ns;
    private readonly SnapshotLease _before;
    private readonly Dictionary<string, long> _nstat;
    private readonly Dictionary<string, long> _fates;

    /// <summary>Begins to count, when nothing goes on any more.</summary>
    public LedgerLab(TestNetns ns, params string[] probes)
    {
        _ns = ns;
        // In the order of the agent: counters, what was dropped meanwhile, the sum.
        Run = new BpfProbeRun("ledger", (host, _) => new Chain(
            host, [.. probes, "ip", "ipext", "tcpext", "udp", "packetloss", "ledger"]));
        // Unexplained is told when it was so twice.
        _ = Fates();
        Dictionary<string, long> nstat;
        do
        {
            nstat = Nstat();
            _fates = Fates();
        }
        while (nstat["InReceives"] != Nstat()["InReceives"]);
        _nstat = nstat;
        _before = Run.Keep();
    }

    public BpfProbeRun Run { get; }

    /// <summary>
    /// Waits until the check passes on figures during whose reading nothing came in, and in which the parts are what
    /// nstat saw.
    /// </summary>
    /// <param name="check">What is to hold.</param>
    /// <param name="tolerance">
    /// Packets that may be unexplained (the kernel does not run the program for a drop that interrupts it), or in two
    /// parts (fragments that waited for others in vain).
    /// </param>
    public void Eventually(
        Action<LedgerLines, IReadOnlyDictionary<string, long>> check, long tolerance = 0) => BpfProbeRun.Eventually(() =>
    {
        var nstat = Nstat();
        _ = Fates();
        var fates = Fates();
        using var now = Run.Keep();
        Nstat()["InReceives"].ShouldBe(nstat["InReceives"]);
        var received = nstat["InReceives"] - _nstat["InReceives"];
        var lines = LedgerLines.Between(_before.Snapshot, now.Snapshot!, SubjectOf(now.Snapshot!)).ShouldNotBeNull();
        var since = fates.ToDictionary(f => f.Key, f => f.Value - _fates.GetValueOrDefault(f.Key));
        var text = $"{string.Join(", ", since)}; {Text(lines)}; in {received}";
        PacketsOf(lines, "ip").ShouldBe(received, text);
        var unexplained = lines.Unexplained.ShouldNotBeNull();
        unexplained.ShouldBeInRange(0, tolerance, text);
        // What was on its way for two collections stays counted, also where it is explained in the end.
        since["unexplained"].ShouldBeInRange(unexplained, unexplained + tolerance, text);
        since.Values.Sum().ShouldBeInRange(received, received + tolerance, text);
        try
        {
            check(lines, since);
        }
        catch (ShouldAssertException e)
        {
            throw new ShouldAssertException($"{e.Message}\n{text}", e);
        }
    });

    /// <summary>The parts by name, 0 where there is no series.</summary>
    public Dictionary<string, long> Fates()
    {
        var snapshot = Run.Collect();
        var fates = new Dictionary<string, long>();
        foreach (var metric in Ledger.Info.Metrics)
        {
            var table = snapshot.Find(metric.Table).ShouldNotBeNull();
            var row = table.Rows.ToArray().ToList().FindIndex(r => r.Subject?.Inode == _ns.Inode);
            row.ShouldBeGreaterThanOrEqualTo(0);
            var value = table.Column(metric)[row];
            fates[metric.Tags[0].Value.Text] = value == Metric.Absent ? 0 : value;
        }
        return fates;
    }

    public static long PacketsOf(LedgerLines lines, string stage) => lines.Lines.Single(l => l.Stage == stage).Packets;

    /// <summary>What a stage dropped for a reason; for all where none is given.</summary>
    public static long Dropped(LedgerLines lines, string stage, string? reason = null) => lines.Lines
        .Single(l => l.Stage == stage).Dropped.Where(d => reason is null || d.Reason == reason).Sum(d => d.Packets);

    /// <summary>Packets that the qdiscs of the namespace's device dropped, by tc.</summary>
    public static long TcDrops(TestNetns ns)
    {
        using var json = JsonDocument.Parse(
            ns.Run("tc", "-s", "-j", "qdisc", "show", "dev", TestNetnsPair.Interface));
        return json.RootElement.EnumerateArray().Sum(q => q.GetProperty("drops").GetInt64());
    }

    private Collector.Core.Subjects.Subject SubjectOf(Snapshot snapshot) => snapshot.Find(Ledger.Figures)!.Rows.ToArray()
        .Single(r => r.Subject?.Inode == _ns.Inode).Subject!;

    private static string Text(LedgerLines lines) => string.Join(
        "; ", lines.Lines.Select(l => $"{l.Stage} {l.Packets} ({string.Join(", ", l.Dropped)})"))
        + $"; unexplained {lines.Unexplained}";

    /// <summary>Sums over both families.</summary>
    private Dictionary<string, long> Nstat()
    {
        using var json = JsonDocument.Parse(_ns.Run("nstat", "-s", "-a", "-z", "-j"));
        var sums = new Dictionary<string, long>();
        foreach (var counter in json.RootElement.GetProperty("kernel").EnumerateObject())
        {
            var name = counter.Name;
            foreach (var prefix in new[] { "Ip6", "IpExt", "Ip" })
            {
                if (!name.StartsWith(prefix, StringComparison.Ordinal))
                    continue;
                name = name[prefix.Length..];
                break;
            }
            sums[name] = sums.GetValueOrDefault(name) + counter.Value.GetInt64();
        }
        return sums;
    }

    /// <summary>What the kernel counted since the beginning.</summary>
    public long Counted(string counter) => Nstat()[counter] - _nstat[counter];

    public void Dispose()
    {
        _before.Dispose();
        Run.Dispose();
    }

    /// <summary>Several probes of one collection.</summary>
    private sealed class Chain(LinuxHost host, string[] ids) : Probe(Ledger.Info)
    {
        private readonly Probe[] _probes = [.. ids.Select(id => AllProbes.List.Single(p => p.Info.Id == id))
            .Select(p => p.Create(host, new ProbeSettings(p.Info)))];

        public override void Start()
        {
            foreach (var probe in _probes)
                probe.Start();
        }

        public override void Collect(SnapshotBuilder snapshot)
        {
            foreach (var probe in _probes)
                probe.Collect(snapshot);
        }

        protected override void Dispose(bool disposing)
        {
            foreach (var probe in _probes)
                probe.Dispose();
            base.Dispose(disposing);
        }
    }
}
