using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using Collector.Linux.Limits;

namespace Collector.Linux.Tests.Processes;

/// <summary>One probe that is collected when the test says so.</summary>
internal sealed class ProcessAgent : IDisposable
{
    private readonly SnapshotBuilder _builder;
    private readonly Probe _probe;

    public ProcessAgent(Func<LinuxHost, Probe> create, string proc = "/proc", LimitOptions? limits = null)
    {
        Host = new LinuxHost(new KernelPaths(proc), limits: limits);
        _builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System)
        {
            OnReadFailed = (_, reason) => Failures.Add(reason),
        };
        _probe = create(Host);
        _probe.Start();
    }

    public LinuxHost Host { get; }

    public List<string> Failures { get; } = [];

    /// <summary>Bytes that the probe has allocated in its collections.</summary>
    public long Allocated { get; private set; }

    public SnapshotTable Table { get; private set; } = null!;

    public Snapshot Snapshot { get; private set; } = null!;

    /// <summary>One collection.</summary>
    public void Tick()
    {
        _builder.Begin();
        Host.Refresh(_builder.StartTimeOfNew(Host.BootTime));
        _builder.Enter(_probe.Info.Id);
        var before = GC.GetAllocatedBytesForCurrentThread();
        _probe.Collect(_builder);
        Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        Snapshot = _builder.Publish();
        Table = Snapshot.Tables.SingleOrDefault(t => t.Info.Id == _probe.Info.Tables[0].Id)!;
    }

    /// <summary>
    /// Bytes that the probe allocates in 64 collections, in which every process is rechecked four times.
    /// </summary>
    public long AllocatedInSteadyState()
    {
        for (var i = 0; i < 40; i++)
            Tick();
        var before = Allocated;
        for (var i = 0; i < 64; i++)
            Tick();
        return Allocated - before;
    }

    /// <summary>Row of the node's namespace (of no pod), of another namespace, or of a hostNetwork pod.</summary>
    public Row HostRow => Rows.Single(r => r.Subject!.IsHost);

    public Row? RowOf(ulong inode) => Rows.SingleOrDefault(r => r.Subject!.Inode == inode && !r.Subject.IsHost);

    public Row? RowOfPod(string uid) => Rows.SingleOrDefault(r => r.Subject!.Names.PodUid == uid);

    public Row[] Rows => Table.Rows.ToArray();

    /// <summary>A cell by metric name, and direction where there are two.</summary>
    public long Value(Row row, string name, string? direction = null)
    {
        var metric = _probe.Info.Metrics.Single(m => m.Name == name
            && (direction is null || m.Tags.Any(t => t.Value.Text == direction)));
        return Table.Column(metric)[Array.IndexOf(Rows, row)];
    }

    public void Dispose()
    {
        _probe.Dispose();
        Host.Dispose();
    }

    public static ProbeSettings Settings(ProbeInfo info, params string[] pairs) =>
        ProbeSettings.Of(info, pairs.Select(p => (p.Split('=')[0], p.Split('=')[1])));

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{_probe.Info.Id}, {Table.Count} rows");
}
