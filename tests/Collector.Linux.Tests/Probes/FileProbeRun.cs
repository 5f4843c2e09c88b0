using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Linux.Sources;

namespace Collector.Linux.Tests.Probes;

/// <summary>One probe on one machine or recorded tree, collected by hand.</summary>
internal sealed class FileProbeRun : IDisposable
{
    private readonly SnapshotBuilder _builder;

    public FileProbeRun(string id, KernelPaths paths, params (string Key, string Value)[] options)
        : this(new LinuxHost(paths), id, options)
    {
    }

    /// <summary>On this machine, read in one of two ways.</summary>
    public FileProbeRun(CollectionSource source, string id, params (string Key, string Value)[] options)
        : this(new LinuxHost(new KernelPaths(), source: source), id, options)
    {
    }

    private FileProbeRun(LinuxHost host, string id, (string Key, string Value)[] options)
    {
        Host = host;
        _builder = new(Store, TimeProvider.System) { Derive = LegacyViews.Of };
        var registration = AllProbes.List.Single(p => p.Info.Id == id);
        Probe = registration.Create(
            Host, ProbeSettings.Of(registration.Info, options));
        _builder.OnReadFailed = (_, reason) => Failures.Add(reason);
        Probe.Start();
    }

    public LinuxHost Host { get; }

    public Probe Probe { get; }

    public SnapshotStore Store { get; } = new();

    public Snapshot Snapshot { get; private set; } = null!;

    /// <summary>Reasons of the reads that failed in the last collection.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>The recorded trees, beside the tests' program.</summary>
    public static string Fixtures { get; } = Path.Combine(AppContext.BaseDirectory, "Fixtures");

    public static KernelPaths Fixture(string kernel) => Tree(Path.Combine(Fixtures, kernel));

    public static KernelPaths Tree(string root) => new($"{root}/proc", $"{root}/sys", Recorded: true);

    public FileProbeRun Collect()
    {
        Failures.Clear();
        Host.Refresh(0);
        _builder.Begin();
        _builder.Enter(Probe.Info.Id);
        Probe.Collect(_builder);
        Snapshot = _builder.Publish();
        return this;
    }

    /// <summary>
    /// Bytes that the probe allocates in so many collections. The builder and the namespaces are left out: others'
    /// namespaces come and go on this machine.
    /// </summary>
    public long AllocatedIn(int collections)
    {
        long sum = 0;
        for (var i = 0; i < collections; i++)
        {
            _builder.Begin();
            _builder.Enter(Probe.Info.Id);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Probe.Collect(_builder);
            // The first collections fill the snapshot buffers that take turns.
            if (i > 2)
                sum += GC.GetAllocatedBytesForCurrentThread() - before;
            _builder.Publish();
        }
        return sum;
    }

    /// <summary>
    /// The exported value of a series: tags as <c>key=value</c>, row tags included; null when it is not exported.
    /// </summary>
    public double? Value(string name, params string[] tags) => ValueIn(null, name, tags);

    public double? ValueIn(ulong? inode, string name, params string[] tags)
    {
        var found = Series().Where(s => s.Metric.Named && s.Metric.Name == name && (inode is null || s.Row.Subject?.Inode == inode)
            && tags.All(t => TagsOf(s.Row, s.Metric).Contains(t))).ToList();
        return found.Count == 0 ? null : found.Single().Value * found.Single().Metric.Scale;
    }

    /// <summary>The value under a legacy name; null when it is not exported.</summary>
    public double? Legacy(string name)
    {
        var found = Series().Where(s => s.Metric.KubeSkoop.Contains(name) || s.Metric.Inspector.Contains(name))
            .ToList();
        return found.Count == 0 ? null : found.Single().Value * found.Single().Metric.LegacyScale;
    }

    /// <summary>Every cell that is exported.</summary>
    public IEnumerable<(Row Row, Metric Metric, long Value)> Series()
    {
        foreach (var table in Snapshot.Tables)
        {
            for (var i = 0; i < table.Count; i++)
            {
                foreach (var metric in table.Info.Metrics)
                {
                    var value = table.Column(metric)[i];
                    var leaves = metric.Named || metric.KubeSkoop.Count + metric.Inspector.Count > 0;
                    if (leaves && value != Metric.Absent)
                        yield return (table.Rows[i], metric, value);
                }
            }
        }
    }

    /// <summary>Everything that leaves the probe, a line per series.</summary>
    public string Text() => string.Concat(Series().Select(s => string.Create(CultureInfo.InvariantCulture,
        $"{(s.Metric.Named ? s.Metric.Name : "")}{{{string.Join(',', TagsOf(s.Row, s.Metric))}}} {s.Value * s.Metric.Scale} "
        + $"{s.Metric.Kind} {s.Metric.Unit}"
        + $"{string.Concat(s.Metric.KubeSkoop.Concat(s.Metric.Inspector)
            .Select(n => $" {n}={s.Value * s.Metric.LegacyScale}"))}\n")));

    private static List<string> TagsOf(Row row, Metric metric) =>
    [
        .. row.Table.RowTags.Zip(row.Tags, (key, value) => $"{key.Key}={value}"),
        .. metric.Tags.Select(t => $"{t.Key}={t.Value}"),
    ];

    public NetNamespace Namespace(ulong inode) => Host.Namespaces.Find(inode)!.Namespace;

    public void Dispose()
    {
        Probe.Dispose();
        Host.Dispose();
    }
}

/// <summary>A copy of a tree that a test changes; gone afterwards.</summary>
internal sealed class TestTree : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("netlens-tree-");

    public TestTree(string? kernel = null)
    {
        if (kernel is not null)
        {
            var source = Path.Combine(FileProbeRun.Fixtures, kernel);
            foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
                Write(Path.GetRelativePath(source, file), File.ReadAllBytes(file));
        }
        Directory.CreateDirectory(Path.Combine(_root.FullName, "proc/net"));
        Directory.CreateDirectory(Path.Combine(_root.FullName, "sys"));
    }

    public KernelPaths Paths => FileProbeRun.Tree(_root.FullName);

    public string Read(string path) => File.ReadAllText(Path.Combine(_root.FullName, path));

    public void Write(string path, string content) => Write(path, System.Text.Encoding.Latin1.GetBytes(content));

    /// <summary>Overwrites in place, so that a file that is held open changes as the kernel's do.</summary>
    public void Write(string path, byte[] content)
    {
        var full = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        using var stream = new FileStream(full, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        stream.SetLength(0);
        stream.Write(content);
    }

    public void Delete(string path) => File.Delete(Path.Combine(_root.FullName, path));

    public void Dispose() => _root.Delete(recursive: true);
}
