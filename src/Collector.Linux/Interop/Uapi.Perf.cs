using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

// include/uapi/linux/perf_event.h, as far as PERF_ATTR_SIZE_VER0
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct perf_event_attr
{
    public const uint PERF_TYPE_SOFTWARE = 1;
    public const ulong PERF_COUNT_SW_BPF_OUTPUT = 10;
    public const ulong PERF_SAMPLE_RAW = 1 << 10;
    public const int PERF_EVENT_IOC_ENABLE = 0x2400;
    public const uint PERF_FLAG_FD_CLOEXEC = 8;
    public const uint PERF_RECORD_SAMPLE = 9;

    [FieldOffset(0)]
    public uint type;

    [FieldOffset(4)]
    public uint size;

    [FieldOffset(8)]
    public ulong config;

    [FieldOffset(16)]
    public ulong sample_period;

    [FieldOffset(24)]
    public ulong sample_type;

    [FieldOffset(48)]
    public uint wakeup_events;
}
