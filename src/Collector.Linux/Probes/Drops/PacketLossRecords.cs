using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>What is done with a drop reason; values of <c>ACTION_*</c> in packetloss.bpf.c.</summary>
internal enum DropAction : byte
{
    /// <summary>Counted, and reported as events.</summary>
    Report = 0,

    /// <summary>Counted only.</summary>
    Count = 1,

    /// <summary>Not looked at: the normal end of a packet.</summary>
    Ignore = 2,
}

/// <summary>One action per reason of the kernel's core.</summary>
[InlineArray(Length)]
internal struct DropActions
{
    public const int Length = 256;
    private byte _first;
}

[BpfStruct("packetloss_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct PacketLossSettings
{
    public uint Burst;
    public uint Stack;
    public DropActions Actions;
}

[BpfStruct("packetloss_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PacketLossKey : INamespaceKey
{
    public readonly ulong Location;
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Reason;
    public readonly uint Family;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
}

/// <param name="Location">Return address.</param>
/// <param name="Reason">The kernel's number.</param>
[BpfStruct("packetloss_place")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PacketLossPlace(ulong Location, ulong Reason);

[BpfStruct("packetloss_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct PacketLossValue : ICounterValue
{
    public long Drops;
    public Limiter Limiter;
    public long Tick;

    readonly long ICounterValue.Counted => Drops;
    readonly long ICounterValue.Held => Limiter.Held;
}

/// <summary>A value of the map for what found no room: drops.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct OverflowValue : ICounterValue
{
    public readonly long Drops;

    long ICounterValue.Counted => Drops;
    long ICounterValue.Held => 0;
}

[BpfStruct("packetloss_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct PacketLossEvent
{
    public EventHead Head;
    public Flow Flow;
    public ulong Location;
    public uint Reason;
    public uint Length;
    public uint Ifindex;
    public KernelStack Stack;
}
