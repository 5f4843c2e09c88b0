using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

// include/uapi/linux/bpf.h: grows at the end; the kernel fills what it has, and says how much that was.
[StructLayout(LayoutKind.Explicit, Size = 216)]
internal struct bpf_prog_info
{
    [FieldOffset(4)]
    public uint id;

    /// <summary>Of the runs while kernel.bpf_stats_enabled is 1 (since 5.1) or somebody measures (5.8).</summary>
    [FieldOffset(192)]
    public ulong run_time_ns;

    [FieldOffset(200)]
    public ulong run_cnt;

    /// <summary>Runs left out because the program already ran on that CPU (since 5.12).</summary>
    [FieldOffset(208)]
    public ulong recursion_misses;
}
