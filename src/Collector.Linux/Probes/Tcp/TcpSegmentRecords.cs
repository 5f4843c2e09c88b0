using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

// Mirrors of ebpf-programs/include/tcp.h.

[BpfStruct("tcp_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpSettings
{
    public uint Burst;
    public uint Stack;

    /// <summary>In jiffies.</summary>
    public uint Second;
}

/// <summary>What segments are counted by.</summary>
[BpfStruct("tcp_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TcpKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Reason;
    public readonly byte Kind;
    public readonly byte State;
    public readonly byte Family;
    public readonly byte Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("tcp_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpValue : ICounterValue
{
    public long Segments;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Segments;
    readonly long ICounterValue.Held => Limiter.Held;
}

/// <summary>A segment that is sent again, and where it was lost.</summary>
[BpfStruct("tcp_loss")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpLoss
{
    public ulong Location;

    /// <summary>Nanoseconds until it was sent again.</summary>
    public long Before;

    public uint Reason;
    public uint Netns;
    public uint NetnsCookie;

    /// <summary>1: what was lost is what acknowledged it.</summary>
    public uint Answer;

    /// <summary>In a row, this one with them; 0: it was none, and the two below are not known.</summary>
    public uint Timeouts;

    /// <summary>
    /// Bytes of its data, and one for a FIN; 0: the peer's window was closed, and the one below is not known.
    /// </summary>
    public uint Length;

    /// <summary>Bytes that the peer has acknowledged, per segment that arrived.</summary>
    public uint Delivered;
}

[BpfStruct("tcp_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct TcpEvent
{
    public EventHead Head;
    public Flow Flow;
    public uint Reason;
    public uint Kind;
    public uint Segments;
    public uint ClosedMs;
    public TcpLoss Loss;
    public KernelStack Stack;
}
