using System.Collections.Concurrent;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests;

/// <summary>A running probe on this machine's kernel, its events, and its figures.</summary>
internal sealed class BpfProbeRun : IDisposable
{
    private static readonly ConcurrentDictionary<string, BpfEnvironment> Environments = [];

    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;

    /// <exception cref="ProbeUnavailableException">This kernel does not take it.</exception>
    public BpfProbeRun(string id, BpfOptions? options = null, params (string Key, string Value)[] settings)
        : this(id, AllProbes.List.Single(p => p.Info.Id == id).Create, options, settings)
    {
    }

    /// <summary>A probe that is made in another way than for users: with some ways of its ladders only.</summary>
    public BpfProbeRun(
        string id, Func<LinuxHost, ProbeSettings, Probe> create, BpfOptions? options = null,
        params (string Key, string Value)[] settings)
    {
        _builder = new(_store, TimeProvider.System);
        options ??= new BpfOptions();
        // Where the lab hides the kernel's own type information it gives a file.
        if (LabMachine.BtfFile is { } file && options.BtfFolder.Length == 0)
            options = options with { BtfFolder = Path.GetDirectoryName(file)! };
        Host = new LinuxHost(new KernelPaths(), options) { Events = Events };
        Host.Bpf.Environment = EnvironmentOf(options.BtfFolder);
        try
        {
            Host.Refresh(Host.BootTime);
            var registration = AllProbes.List.Single(p => p.Info.Id == id);
            Settings = ProbeSettings.Of(registration.Info, settings);
            _builder.OnReadFailed = (_, reason) => Failures.Add(reason);
            Probe = create(Host, Settings);
            Probe.Start();
            Collect();
        }
        catch
        {
            Probe?.Dispose();
            Host.Dispose();
            throw;
        }
    }

    /// <summary>A probe whose part of the collection is read in that way.</summary>
    public static BpfProbeRun By(
        CollectionSource source, string id, params (string Key, string Value)[] settings) =>
        By(source, id, null, settings);

    /// <summary>The same by a pass that reads memory by calls, whatever the kernel has.</summary>
    public static BpfProbeRun ByCalls(string id, params (string Key, string Value)[] settings) =>
        By(CollectionSource.Kernel, id, new BpfOptions { ReadByCalls = true }, settings);

    private static BpfProbeRun By(
        CollectionSource source, string id, BpfOptions? options, (string Key, string Value)[] settings) =>
        new(id, (host, made) =>
        {
            host.Reconfigure(source);
            return AllProbes.List.Single(p => p.Info.Id == id).Create(host, made);
        }, options, settings);

    public LinuxHost Host { get; }

    public Probe Probe { get; } = null!;

    public ProbeSettings Settings { get; }

    public EventRecorder Events { get; } = new();

    public List<string> Failures { get; } = [];

    /// <summary>How the probe was attached.</summary>
    public LadderReport Ladder => Host.Bpf.Reports[Probe.Info.Id];

    public CollectedPart PartOf(string name) => Host.Parts.All.Single(p => p.Name == name);

    /// <summary>Every collection so far was read by the pass, and nothing failed.</summary>
    /// <param name="name">Of the part.</param>
    /// <param name="churned">So many while sockets came and went: one in thirty may have been torn, and read again.</param>
    public void ShouldBeByPass(string name, int churned = 0)
    {
        var part = PartOf(name);
        part.FromKernel.ShouldBeTrue(part.Reason);
        part.Fallbacks.ShouldBeLessThanOrEqualTo(churned / 30, part.LastFallback);
        if (part.Fallbacks > 0)
            part.LastFallback.ShouldBe("torn");
        Failures.ShouldBeEmpty();
    }

    /// <summary>Keeps the newest collection unchanged.</summary>
    public SnapshotLease Keep() => _store.Acquire();

    /// <summary>One collection.</summary>
    public Snapshot Collect()
    {
        _builder.Begin();
        Host.Refresh(_builder.StartTimeOfNew(Host.BootTime));
        _builder.Enter(Probe.Info.Id);
        Probe.Collect(_builder);
        return _builder.Publish();
    }

    /// <summary>
    /// A histogram has counted the event, and its row keeps it, or a later one that it was told of; its stations follow
    /// each other within it.
    /// </summary>
    public void ShouldKeep(NetworkEvent e)
    {
        _store.Exemplars.Offer(e);
        Eventually(() =>
        {
            var snapshot = Collect();
            snapshot.Tables.SelectMany(t => t.Rows.ToArray()).SelectMany(r => Kept(r, snapshot.Tick))
                .Any(k => k == e || (k.Time > e.Time && IsLike(k, e))).ShouldBeTrue($"{e.Message}; {e.Duration}");
        });
        var at = e.Start.ShouldNotBeNull();
        foreach (var station in e.Stations)
        {
            station.Start.ShouldBe(at);
            station.End.ShouldBeGreaterThan(at);
            at = station.End;
        }
        if (e.Stations.Count > 0)
            at.ShouldBe(e.Time);
    }

    private static bool IsLike(NetworkEvent a, NetworkEvent b) => a.Subject == b.Subject
        && a.Measured!.Metric == b.Measured!.Metric && a.Measured.Tags.SequenceEqual(b.Measured.Tags);

    private static IEnumerable<NetworkEvent> Kept(Row row, long tick) => row.HasExemplars
        ? Enumerable.Range(0, row.Table.Width).Select(c => row.ExemplarOf(c, tick)?.Event).OfType<NetworkEvent>()
        : [];

    /// <summary>Bytes that collections allocate, after the first few.</summary>
    public long Allocated(int collections)
    {
        for (var i = 0; i < 5; i++)
            Collect();
        var allocated = 0L;
        for (var i = 0; i < collections; i++)
        {
            _builder.Begin();
            _builder.Enter(Probe.Info.Id);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Probe.Collect(_builder);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            _builder.Publish();
        }
        return allocated;
    }

    /// <summary>
    /// What this kernel offers, with types from that folder, for all tests: to read its symbols takes an emulated
    /// machine a second. Only those of its modules change.
    /// </summary>
    public static BpfEnvironment EnvironmentOf(string folder) =>
        Environments.GetOrAdd(folder, static f => new(new KernelPaths(), f)
        {
            Symbols = new KernelSymbols(new KernelPaths()) { Recent = 0 },
        });

    private static string NameOf(Metric metric) =>
        metric.Hidden ? metric.KubeSkoop.Concat(metric.Inspector).First() : metric.Name;

    /// <summary>Collects, and adds up a metric over the rows of a namespace whose first tags are these.</summary>
    /// <param name="metric">Name, or for legacy-only metrics the first KubeSkoop or inspector name.</param>
    /// <param name="ns">The namespace; null for tables of the node.</param>
    /// <param name="tags">First row tags.</param>
    public long Sum(string metric, TestNetns? ns, params TagValue[] tags) => Sum(metric, ns?.Inode, tags);

    public long Sum(string metric, ulong? inode, params TagValue[] tags)
    {
        var snapshot = Collect();
        var sum = 0L;
        foreach (var m in Probe.Info.Metrics.Where(m => NameOf(m) == metric))
        {
            if (snapshot.Find(m.Table) is not { } table)
                continue;
            for (var r = 0; r < table.Count; r++)
            {
                var row = table.Rows[r];
                if (row.Subject?.Inode == inode && row.Tags.Take(tags.Length).SequenceEqual(tags)
                    && table.Column(m)[r] != Metric.Absent)
                {
                    sum += table.Column(m)[r];
                }
            }
        }
        return sum;
    }

    /// <summary>The rows behind <see cref="Sum(string, TestNetns?, TagValue[])"/>, for the message of what fails.</summary>
    public string Rows(string metric, TestNetns ns)
    {
        var snapshot = Collect();
        var rows =
            from m in Probe.Info.Metrics
            where NameOf(m) == metric
            let table = snapshot.Find(m.Table)!
            where table != null
            from r in Enumerable.Range(0, table.Count)
            let row = table.Rows[r]
            where row.Subject?.Inode == ns.Inode
            select $"{row.Subject!.Kind} {row.Subject.Cookie}: {string.Join(' ', row.Tags)}: {table.Column(m)[r]}";
        return string.Join("; ", rows);
    }

    /// <summary>Collects, and adds up a metric over the rows of a namespace by one of its attributes.</summary>
    public Dictionary<string, long> SumBy(string metric, TestNetns ns, string attribute)
    {
        var snapshot = Collect();
        var m = Probe.Info.Metrics.Single(m => NameOf(m) == metric);
        var key = m.Table.RowTags.ToList().FindIndex(t => t.Key == attribute);
        var sums = new Dictionary<string, long>(StringComparer.Ordinal);
        if (snapshot.Find(m.Table) is not { } table)
            return sums;
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode == ns.Inode)
            {
                var value = table.Rows[r].Tags[key].Text;
                sums[value] = sums.GetValueOrDefault(value) + table.Column(m)[r];
            }
        }
        return sums;
    }

    /// <summary>
    /// Collects, and reads a histogram's buckets (not cumulative) and sum in one row of a node table.
    /// </summary>
    public (long[] Buckets, long Sum) Histogram(string metric, params TagValue[] tags)
    {
        var snapshot = Collect();
        var m = Probe.Info.Metrics.First(m => m.Name == metric);
        if (snapshot.Find(m.Table) is not { } table)
            return ([], 0);
        for (var r = 0; r < table.Count; r++)
        {
            if (!table.Rows[r].Tags.Take(tags.Length).SequenceEqual(tags))
                continue;
            var row = r;
            return ([.. Enumerable.Range(m.Column, m.Width - 1).Select(c => table.Column(c)[row])],
                table.Column(m.Column + m.Width - 1)[r]);
        }
        return ([], 0);
    }

    /// <summary>Tries again for some time: the kernel acts at its own, an emulated one slowly.</summary>
    public static void Eventually(Action check, int seconds = 30)
    {
        for (var i = 0; i < seconds * 10; i++)
        {
            try
            {
                check();
                return;
            }
            catch (ShouldAssertException)
            {
                Thread.Sleep(100);
            }
        }
        check();
    }

    public void Dispose()
    {
        Events.Go();
        Probe.Dispose();
        Host.Dispose();
    }
}
