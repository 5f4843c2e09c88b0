using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Sources;

// Mirrors of ebpf-programs/sockets.bpf.c and include/udp.h: what a walk counted in one namespace.

[InlineArray(16)]
internal struct StateCounts
{
    private uint _first;
}

/// <summary>Connections by round-trip time: up to 16 us, up to twice as much and so on, the last above 2^20.</summary>
[InlineArray(SlotCount)]
internal struct RttCounts
{
    /// <summary>RTT_SLOTS</summary>
    public const int SlotCount = 18;

    private uint _first;
}

/// <summary>Connections by age: from 1 s, from 10 s, from 1 min, from 10 min.</summary>
[InlineArray(Classes)]
internal struct AgeCounts
{
    /// <summary>AGES</summary>
    public const int Classes = 4;

    private uint _first;
}

/// <summary>The open connections that one side began.</summary>
[BpfStruct("role_totals")]
[StructLayout(LayoutKind.Sequential)]
internal struct RoleTotals
{
    public uint Connections;
    public ulong Retransmitted;
    public ulong Lost;

    /// <summary>Sum, in microseconds.</summary>
    public ulong Rtt;
    public RttCounts Rtts;
}

/// <summary>By <c>enum role</c>: those that began here, and those that came from outside.</summary>
[InlineArray(Count)]
internal struct Roles
{
    public const int Count = 2;

    private RoleTotals _first;
}

/// <summary>TCP sockets.</summary>
[BpfStruct("socket_totals")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketTotals
{
    public StateCounts States;
    public ulong Receive;
    public ulong Send;
    public Roles Roles;

    /// <summary>In CLOSE_WAIT.</summary>
    public AgeCounts Closing;

    /// <summary>With data that nobody acknowledged.</summary>
    public AgeCounts Waiting;

    /// <summary>The pass that counted: totals of an earlier one are void.</summary>
    public uint Pass;
}

/// <summary>UDP sockets.</summary>
[BpfStruct("udp_totals")]
[StructLayout(LayoutKind.Sequential)]
internal struct UdpTotals
{
    public ulong Receive;
    public ulong Send;
    public ulong Drops;
    public uint Sockets;

    /// <inheritdoc cref="SocketTotals.Pass"/>
    public uint Pass;
}
