using Collector.Core.Probes;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Node;

namespace Ebpf.Tests.Bpf;

/// <summary>
/// Every way of every probe on this kernel: one that is not taken lacks something of the kernel's, never is the program
/// at fault. A ladder hides such a fault, because the next way takes over or the hook may be absent.
/// </summary>
public sealed class WayTests
{
    // What BpfEnvironment knows beforehand, and a lockdown.
    private const string Lacking =
        "the kernel has no (such place to attach to|tracepoint|function|/sys/kernel/btf)|no BTF (says|describes)"
        + @"|tracepoint \w+ has \d+ arguments here|argument \d+ of tracepoint|was built without kprobes|lockdown"
        + "|the root of the cgroups of version 2 is not in sight"
        // Since Linux 5.11 for programs that trace.
        + "|unknown func bpf_sk_storage_get";

    public static TheoryData<string> Probes =>
    [
        .. AllProbes.List.Where(p => typeof(BpfProbe).IsAssignableFrom(TypeOf(p))).Select(p => p.Info.Id),
    ];

    private static Type TypeOf(ProbeRegistration probe)
    {
        using var made = Make(probe, new LinuxHost(new KernelPaths(), new BpfOptions()));
        return made.GetType();
    }

    private static Probe Make(ProbeRegistration probe, LinuxHost host) =>
        probe.Create(host, new ProbeSettings(probe.Info));

    [RequiresBpfTheory]
    [MemberData(nameof(Probes))]
    public void A_way_is_refused_only_for_what_the_kernel_lacks(string id)
    {
        using var host = new LinuxHost(new KernelPaths(), new BpfOptions());
        using var probe = (BpfProbe)Make(AllProbes.List.Single(p => p.Info.Id == id), host);
        probe.Ladders.ShouldNotBeEmpty();
        foreach (var perf in BpfLibrary.HasRingBuffers ? new[] { false, true } : [true])
        {
            var image = BpfImage.Find(id, perf);
            foreach (var way in probe.Ladders.SelectMany(h => h.Ways))
            {
                var hook = new Hook(way.ToString(), way);
                using var loaded = AttachLadder.Climb(
                    LabObject.Environment, image, [hook], _ => { }, _ => { }, out var report);
                if (loaded is null)
                    report.Failure.ShouldNotBeNull().ShouldMatch(Lacking, $"{id} {way}");
                else
                    report.Hooks.Single().Taken.ShouldNotBeNull().Reason.ShouldMatch($"^$|{Lacking}", $"{id} {way}");
            }
        }
    }
}
