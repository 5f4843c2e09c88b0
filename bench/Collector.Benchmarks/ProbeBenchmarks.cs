using BenchmarkDotNet.Attributes;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;

namespace Collector.Benchmarks;

/// <summary>
/// One collection of one probe, on the host alone and beside pods. The time includes publishing an otherwise empty
/// snapshot, the bytes are the probe's alone.
/// </summary>
public class ProbeBenchmarks : ICountsBytes
{
    private LinuxHost _host = null!;
    private SnapshotBuilder _builder = null!;
    private Probe _probe = null!;

    [ParamsSource(nameof(Probes))]
    public string Probe { get; set; } = "";

    [Params(0, 20)]
    public int Pods { get; set; }

    // Hardware, or a hook into its driver, that a machine for benchmarks rarely has; files of the first namespace only.
    public static IEnumerable<string> Probes =>
        AllProbes.List.Select(p => p.Info.Id).Where(id => id is not ("rdma" or "virtcmdlatency" or "neighbour"));

    [GlobalSetup]
    public void Setup()
    {
        RealPods.Have(Pods);
        _host = new LinuxHost(new KernelPaths("/proc", "/sys", false));
        _builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        var registration = AllProbes.List.First(p => p.Info.Id == Probe);
        _probe = registration.Create(_host, new ProbeSettings(registration.Info));
        _host.Refresh(_host.BootTime);
        if (_host.Namespaces.All.Count != Pods + 1)
            throw new InvalidOperationException($"{_host.Namespaces.All.Count} namespaces beside {Pods} pods");
        _probe.Start();
        for (var i = 0; i < 4; i++)
            Collect();
    }

    [Benchmark]
    public long Collect()
    {
        _builder.Begin();
        _builder.Enter(Probe);
        var before = GC.GetAllocatedBytesForCurrentThread();
        _probe.Collect(_builder);
        Bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        return _builder.Publish().Tick;
    }

    public long Bytes { get; private set; }

    [GlobalCleanup]
    public void Cleanup()
    {
        _probe.Dispose();
        _host.Dispose();
    }
}
