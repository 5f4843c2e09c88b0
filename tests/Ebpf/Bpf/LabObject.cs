using System.Reflection;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Bpf;

/// <summary>The programs of programs/lab.bpf.c on this machine's kernel.</summary>
internal static class LabObject
{
    /// <summary>What this kernel offers, shared with other tests: not to be disposed.</summary>
    public static BpfEnvironment Environment { get; } =
        BpfProbeRun.EnvironmentOf(LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "");

    public static BpfImage Image(bool? perf = null) => BpfImage.Find(
        Assembly.GetExecutingAssembly(), "lab", perf ?? !BpfLibrary.HasRingBuffers);
}
