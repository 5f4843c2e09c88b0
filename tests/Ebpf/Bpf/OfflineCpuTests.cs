using Collector.Core.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>What a CPU counted that is not in use any more.</summary>
public sealed class OfflineCpuTests
{
    private const string Switch = "/sys/devices/system/cpu/cpu1/online";

    private static readonly KernelFeature OtherCpusElement = new("bpf_map_lookup_percpu_elem", new(5, 18));

    [OfflineCpuFact]
    public void A_CPU_that_counted_and_is_not_in_use_at_the_start_is_counted()
    {
        using var ns = new TestNetns();
        ns.Run("taskset", "-c", "1", "ping", "-q", "-c", "3", "-i", "0.1", "127.0.0.1");
        File.WriteAllText(Switch, "0");
        try
        {
            using var lab = new MibLab(1);
            var figures = lab.Read()[0];
            if (OtherCpusElement.WhyMissing is not null)
            {
                lab.Part.Reason.ShouldStartWith("CPUs that are not in use: 1, and ");
                return;
            }
            figures.ShouldNotBeNull(lab.Part.Reason);
            var handle = lab.Host.Namespaces.Find(ns.Inode)!;
            var section = lab.Host.Mib.Read(handle, 1000, MibWish.All)!.Find("Icmp")!;
            section.Values[section.Layout.Counters.ToList().IndexOf("InEchos")].ShouldBe(3);
        }
        finally
        {
            File.WriteAllText(Switch, "1");
        }
    }

    [RequiresBpfFact]
    public void The_offset_that_is_found_from_elsewhere_is_that_which_the_CPU_finds_itself()
    {
        using var lab = new MibLab(1);
        lab.Read();
        using var cpus = new CpuOffsets(lab.Host.Addresses.Programs!, lab.Host.Bpf);
        if (OtherCpusElement.WhyMissing is not null)
        {
            Should.Throw<ProbeUnavailableException>(() => new OtherCpus(lab.Host.Bpf)).Message.ShouldNotBeEmpty();
            return;
        }
        using var others = new OtherCpus(lab.Host.Bpf);
        for (var i = 0; i < cpus.Cpus.Count; i++)
        {
            others.TryFind(cpus.Cpus[i], out var offset).ShouldBeTrue();
            offset.ShouldBe(cpus.Found[i]);
        }
        others.TryFind(1 << 20, out _).ShouldBeFalse();
    }
}

/// <summary>A test that takes a CPU out of use: only on a machine of its own that has two.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OfflineCpuFactAttribute : FactAttribute
{
    public OfflineCpuFactAttribute() => Skip = LabMachine.Kernel is null
        ? "this machine is not the test's own: a CPU is taken out in a guest of ./test kernels only"
        : Environment.ProcessorCount < 2 || !File.Exists("/sys/devices/system/cpu/cpu1/online")
            ? "there is no second CPU that could be taken out"
            : BpfSupport.WhyNot(["ping", "taskset"]);
}
