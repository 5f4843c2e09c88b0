using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
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
        Row.StartTimeOf(Row.Table.Metrics.Single(m => ProbeRun.KeyOf(m) == metric).Column);
}

/// <summary>Runs one probe on this machine's kernel, collection by collection.</summary>
internal sealed class ProbeRun : IDisposable
{
    private readonly Probe _probe;
    private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);

    public ProbeRun(string id, params (string Key, string Value)[] settings)
    {
        var registration = AllProbes.List.Single(p => p.Info.Id == id);
        var written = settings.ToDictionary(s => s.Key, s => s.Value);
        _builder.OnReadFailed = (_, reason) => Failures.Add(reason);
        _probe = registration.Create(Host, new ProbeSettings(registration.Info, written));
        Host.Namespaces.Refresh(Host.BootTime);
        _probe.Start();
    }

    public LinuxHost Host { get; } = new(new KernelPaths());

    public List<string> Failures { get; } = [];

    /// <summary>One collection.</summary>
    public Snapshot Collect()
    {
        _builder.Begin();
        Host.Namespaces.Refresh(_builder.StartTimeOfNew(Host.BootTime));
        _builder.Enter(_probe.Info.Id);
        _probe.Collect(_builder);
        return _builder.Publish();
    }

    /// <summary>Bytes allocated by the collection thread in a hundred collections of the same namespaces.</summary>
    public long AllocatedInHundred()
    {
        var least = long.MaxValue;
        // Devices and sockets of others come and go on this machine, and each is allocated once: a quiet round counts.
        for (var round = 0; round < 8 && least > 0; round++)
        {
            var allocated = 0L;
            for (var i = 0; i < 100; i++)
            {
                _builder.Begin();
                _builder.Enter(_probe.Info.Id);
                var before = GC.GetAllocatedBytesForCurrentThread();
                _probe.Collect(_builder);
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                _builder.Publish();
            }
            least = Math.Min(least, allocated);
        }
        return least;
    }

    /// <summary>Collects and returns the rows of one table in one namespace.</summary>
    public List<ReadRow> Rows(string table, TestNetns ns)
    {
        var inode = ns.Inode;
        var snapshot = Collect();
        var info = _probe.Info.Tables.Single(t => t.Id == table);
        var rows = new List<ReadRow>();
        if (snapshot.Find(info) is not { } found)
            return rows;
        for (var i = 0; i < found.Count; i++)
        {
            if (found.Rows[i].Namespace!.Inode == inode)
                rows.Add(Read(found, i));
        }
        return rows;
    }

    public ReadRow Row(string table, TestNetns ns, params TagValue[] firstTags) =>
        Rows(table, ns).Single(r => r.Tags.Take(firstTags.Length).SequenceEqual(firstTags));

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
        string.Join('/', [metric.Name.Length > 0 ? metric.Name : metric.KubeSkoop[0], .. metric.Tags.Select(t => t.Value.Text)]);

    public void Dispose()
    {
        _probe.Dispose();
        Host.Dispose();
    }
}
