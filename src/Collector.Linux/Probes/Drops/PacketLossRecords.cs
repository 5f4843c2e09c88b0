using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>What is done with a drop reason; bits of <c>ACTION_*</c> in packetloss.bpf.c.</summary>
[Flags]
internal enum DropActions : byte
{
    /// <summary>Counted, and reported as events.</summary>
    Report = 0,

    /// <summary>Counted only.</summary>
    Count = 1,

    /// <summary>Not looked at: the normal end of a packet.</summary>
    Ignore = 2,

    /// <summary>The packet itself tells whether somebody has lost it.</summary>
    Look = 4,

    /// <summary>The reason says that the sender was told.</summary>
    Refused = 8,

    /// <summary>The reason says that nothing is missing.</summary>
    Orderly = 16,
}

/// <summary>What the kernel side knows of a packet beside reason and place; <c>enum trait</c>.</summary>
internal enum DropTrait : byte
{
    Plain,

    /// <summary>A reset or an ICMP error was sent for it.</summary>
    Answered,

    /// <summary>It met a connection that its application has left.</summary>
    Closing,

    /// <summary>It is a TCP reset.</summary>
    Reset,

    /// <summary>It ends one side of a TCP connection.</summary>
    Fin,
}

/// <summary>One action per reason: those of the kernel's core, then those of each subsystem.</summary>
[InlineArray(Subsystems * OfEach)]
internal struct DropActionTable
{
    private const int Subsystems = 8;
    private const int OfEach = 256;
    private byte _first;

    /// <summary>Where a reason stands; -1 for one that has no place.</summary>
    public static int IndexOf(uint reason)
    {
        var (subsystem, number) = (reason >> DropReasons.SubsystemShift, reason & 0xffff);
        return subsystem < Subsystems && number < OfEach ? (int)((subsystem * OfEach) + number) : -1;
    }
}

[BpfStruct("packetloss_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct PacketLossSettings
{
    public uint Burst;
    public uint Stack;
    public DropActionTable Actions;
}

[BpfStruct("packetloss_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PacketLossKey : INamespaceKey
{
    public readonly ulong Location;
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Reason;
    public readonly byte Family;
    public readonly DropTrait Trait;
    public readonly byte Rootless;
    public readonly byte Received;

    /// <summary>What tells whether it is a loss.</summary>
    public DropCase Case => new(Location, Reason, Trait);

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
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
    public uint Trait;
    public KernelStack Stack;

    /// <summary>What tells whether it is a loss.</summary>
    public readonly DropCase Case => new(Location, Reason, (DropTrait)Trait);
}
