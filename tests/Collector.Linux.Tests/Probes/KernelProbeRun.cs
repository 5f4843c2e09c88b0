using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Limits;
using Collector.Linux.Probes;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>A row as a test reads it: values by metric name and fixed tags, <c>system.network.io/receive</c>.</summary>
internal sealed record ReadRow(Row Row, IReadOnlyDictionary<string, long> Values)
{
    public IReadOnlyList<TagValue> Tags => Row.Tags;

    public long this[string metric] => Values[metric];

    public bool Has(string metric) => Values.ContainsKey(metric);

    public long StartTimeOf(string metric) =>
        Row.StartTimeOf(Row.Table.Metrics.Single(m => KernelProbeRun.KeyOf(m) == metric).Column);
}

/// <summary>Runs one probe on this machine's kernel, collection by collection.</summary>
internal sealed class KernelProbeRun : IDisposable
{
    private readonly Probe _probe;
    private DirectoryInfo? _proc;
    private int _rows;
    private readonly SnapshotBuilder _builder =
        new(new SnapshotStore(), TimeProvider.System) { Derive = LegacyViews.Of };

    public KernelProbeRun(string id, params (string Key, string Value)[] settings)
        : this(new LinuxHost(new KernelPaths()), id, settings) => Host.Refresh(Host.BootTime);

    /// <summary>With limits of the test's own.</summary>
    public static KernelProbeRun Limited(
        LimitOptions limits, string id, params (string Key, string Value)[] settings)
    {
        var run = new KernelProbeRun(new LinuxHost(new KernelPaths(), limits: limits), id, settings);
        run.Host.Refresh(run.Host.BootTime);
        return run;
    }

    private KernelProbeRun(LinuxHost host, string id, params (string Key, string Value)[] settings)
    {
        Host = host;
        var registration = AllProbes.List.Single(p => p.Info.Id == id);
        _builder.OnReadFailed = (_, reason) => Failures.Add(reason);
        _probe = registration.Create(Host, ProbeSettings.Of(registration.Info, settings));
        _probe.Start();
    }

    public LinuxHost Host { get; }

    public List<string> Failures { get; } = [];

    /// <summary>One collection.</summary>
    public Snapshot Collect()
    {
        _builder.Begin();
        if (_proc is null)
            Host.Refresh(_builder.StartTimeOfNew(Host.BootTime));
        _builder.Enter(_probe.Info.Id);
        _probe.Collect(_builder);
        return _builder.Publish();
    }

    /// <summary>
    /// Bytes that a hundred collections of one namespace allocate, after the first few. Its agent sees that namespace
    /// alone: others of this machine come and go, which does allocate.
    /// </summary>
    public static long AllocatedInHundred(string id, TestNetns ns, params (string Key, string Value)[] settings)
    {
        using var run = OfNode(ns, id, settings);
        run.Allocated(5);
        var allocated = run.Allocated(100);
        run.Failures.ShouldBeEmpty();
        run._rows.ShouldBeGreaterThan(0);
        return allocated;
    }

    /// <summary>
    /// On a node that has that namespace alone, as its own: through a /proc in which process 1 is there.
    /// </summary>
    public static KernelProbeRun OfNode(TestNetns ns, string id, params (string Key, string Value)[] settings)
    {
        var proc = Directory.CreateTempSubdirectory("netlens-proc-");
        try
        {
            var links = new[]
            {
                ("1/ns/net", ns.NsPath), ("thread-self", "/proc/thread-self"), ("sys", "/proc/sys"),
                ("stat", "/proc/stat"),
                ("self/mountinfo", "/dev/null"),
            };
            foreach (var (name, target) in links)
            {
                var path = Path.Combine(proc.FullName, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.CreateSymbolicLink(path, target);
            }
            var host = new LinuxHost(new KernelPaths(Proc: proc.FullName));
            host.Namespaces.All.Single().Namespace.Inode.ShouldBe(ns.Inode);
            return new KernelProbeRun(host, id, settings) { _proc = proc };
        }
        catch
        {
            proc.Delete(recursive: true);
            throw;
        }
    }

    private long Allocated(int collections)
    {
        var allocated = 0L;
        for (var i = 0; i < collections; i++)
        {
            _builder.Begin();
            _builder.Enter(_probe.Info.Id);
            var before = GC.GetAllocatedBytesForCurrentThread();
            _probe.Collect(_builder);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            var snapshot = _builder.Publish();
            _rows = snapshot.Tables.Sum(t => t.Count);
            // As the registry does it before each: what is not asked for every time is made again.
            foreach (var ns in Host.Namespaces.All)
                ns.CloseUnused(snapshot.Tick - 2);
        }
        return allocated;
    }

    /// <summary>Collects and returns the rows of one table in one namespace.</summary>
    public List<ReadRow> Rows(string table, TestNetns ns) => Rows(table, ns.Inode);

    /// <summary>Collects and returns the rows of one table in the namespace with that inode.</summary>
    public List<ReadRow> Rows(string table, ulong inode)
    {
        var snapshot = Collect();
        _probe.Info.Tables.ShouldContain(t => t.Id == table);
        var rows = new List<ReadRow>();
        if (snapshot.Tables.SingleOrDefault(t => t.Info.Id == table) is not { } found)
            return rows;
        for (var i = 0; i < found.Count; i++)
        {
            if (found.Rows[i].Subject!.Inode == inode)
                rows.Add(Read(found, i));
        }
        return rows;
    }

    public ReadRow Row(string table, TestNetns ns, params TagValue[] firstTags) =>
        Rows(table, ns).Single(r => r.Tags.Take(firstTags.Length).SequenceEqual(firstTags));

    /// <summary>
    /// Waits until the devices of a namespace send: a link that is up drops everything until the kernel's link watch
    /// has run, which on a busy machine takes a second.
    /// </summary>
    public static void WaitForCarrier(TestNetns ns) =>
        Eventually(() => !ns.Run("ip", "-br", "link", "show", "up").Contains("DOWN ", StringComparison.Ordinal));

    /// <summary>Tries again for two seconds: the kernel acts at its own time.</summary>
    public static void Eventually(Func<bool> attempt)
    {
        for (var i = 0; i < 20; i++)
        {
            if (attempt())
                return;
            Thread.Sleep(100);
        }
        attempt().ShouldBeTrue();
    }

    private static ReadRow Read(SnapshotTable table, int row)
    {
        var values = new Dictionary<string, long>();
        foreach (var metric in table.Info.Metrics)
        {
            var value = table.Column(metric)[row];
            if (value != Metric.Absent)
                values.Add(KeyOf(metric), value);
        }
        return new ReadRow(table.Rows[row], values);
    }

    public static string KeyOf(Metric metric) =>
        string.Join('/',
            [metric.Hidden ? metric.KubeSkoop[0] : metric.Name, .. metric.Tags.Select(t => t.Value.Text)]);

    public void Dispose()
    {
        _probe.Dispose();
        Host.Dispose();
        _proc?.Delete(recursive: true);
    }
}
