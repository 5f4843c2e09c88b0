using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Block;

// Mirrors of ebpf-programs/biolatency.bpf.c.

[BpfStruct("biolatency_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct BioLatencySettings
{
    public ulong Slow;
    public uint Burst;
}

[BpfStruct("biolatency_key")]
[StructLayout(LayoutKind.Sequential)]
internal record struct BioLatencyKey
{
    /// <summary>Inode of the pod's cgroup; 0: of no pod.</summary>
    public ulong Pod;

    /// <summary>Major number, and the minor in the last 20 bits.</summary>
    public uint Device;

    public uint Operation;
}

[BpfStruct("biolatency_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct BioLatencyValue
{
    public NanosecondHistogram Total;
    public NanosecondHistogram Device;
    public long Bytes;
    public Limiter Limiter;
    public DiskName Name;

    /// <summary>The kernel's address of the disk whose number it is.</summary>
    public ulong Disk;

    /// <summary>Network namespace of who asked for the last slow one.</summary>
    public uint Netns;

    /// <summary>Any user can make such a namespace: 1.</summary>
    public uint Rootless;
}

[BpfStruct("biolatency_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct BioLatencyEvent
{
    public EventHead Head;
    public long Duration;
    public long Waited;
    public long Sector;
    public uint Bytes;
    public uint Device;
    public byte Operation;
    public byte Failed;
    public DiskName Name;
}

/// <summary>A disk's name: up to 31 bytes and a zero.</summary>
[InlineArray(32)]
internal struct DiskName
{
    private byte _first;

    public override readonly string ToString() => NamePool.OfTerminated(this);
}

/// <summary>Operations of requests: <c>enum operation</c>.</summary>
internal static class BlockOperation
{
    private static readonly string[] Names = ["read", "write", "flush", "discard", "other"];

    public static string Name(uint number) => number < Names.Length ? Names[number] : "other";
}
