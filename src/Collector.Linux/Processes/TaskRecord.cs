using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Processes;

/// <summary>What of a process is told.</summary>
[Flags]
internal enum TaskFigures : uint
{
    None = 0,
    Files = 1,
    Io = 2,
}

/// <summary>A process as the kernel tells of it: see tasks.bpf.c.</summary>
[BpfStruct("task_record")]
[StructLayout(LayoutKind.Sequential)]
internal struct TaskRecord
{
    private const long NanosecondsOfTick = 10_000_000;

    public ulong Start;
    public uint Pid;
    public uint Open;
    public uint Threads;
    public TaskFigures Known;
    public IoCounters Io;

    /// <summary>Its network namespace; 0 where it is over, or its main thread is.</summary>
    public uint Netns;

    /// <summary>RLIMIT_NOFILE, the soft one; as large as can be where there is none.</summary>
    public ulong FileLimit;

    /// <summary>Its start in clock ticks, as /proc/PID/stat has it.</summary>
    public readonly long StartTicks => (long)Start / NanosecondsOfTick;
}
