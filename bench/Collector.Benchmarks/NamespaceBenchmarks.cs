using BenchmarkDotNet.Attributes;
using Collector.Linux;
using Collector.Linux.Kernel;

namespace Collector.Benchmarks;

/// <summary>Looking for births and deaths of namespaces, which every collection begins with.</summary>
public class NamespaceBenchmarks
{
    private LinuxHost _host = null!;

    [Params(0, 20)]
    public int Pods { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        RealPods.Have(Pods);
        _host = new LinuxHost(new KernelPaths("/proc", "/sys", false));
        Refresh();
    }

    [Benchmark]
    public long Refresh()
    {
        _host.Refresh(_host.BootTime);
        return _host.Namespaces.Version;
    }

    [GlobalCleanup]
    public void Cleanup() => _host.Dispose();
}
