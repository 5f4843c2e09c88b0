using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Drops;

/// <summary>One side of the map in which the program that sees freed packets leaves TCP segments for the one that sees
/// them sent again: <c>enum lost_head</c> of ebpf-programs/include/lost.h.</summary>
/// <param name="loaded">The side's object.</param>
/// <param name="head">Its slot.</param>
internal sealed class LostSegments(BpfObject loaded, uint head)
{
    /// <summary>Slot of what sees freed packets.</summary>
    public const uint Watched = 0;

    /// <summary>Slot of what looks for them.</summary>
    public const uint Wanted = 1;

    private readonly BpfMap _map = loaded.Map("lost_segments");

    /// <summary>From now on, when its programs run.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void Begin() => _map.Update(head, new LostSegment { Time = KernelClock.Monotonic() });

    /// <summary>Before its programs end.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void End() => _map.Update(head, default(LostSegment));
}

[BpfStruct("lost_segment")]
[StructLayout(LayoutKind.Sequential)]
internal struct LostSegment
{
    public ulong Check;
    public ulong Time;
    public ulong Location;
    public AddressBytes Saddr;
    public AddressBytes Daddr;
    public uint Reason;
    public ushort Sport;
    public ushort Dport;
    public uint Seq;
    public uint Ack;
    public uint Netns;
    public uint NetnsCookie;
}
