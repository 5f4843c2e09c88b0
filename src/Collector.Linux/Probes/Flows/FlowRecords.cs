using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Flows;

// Mirrors of ebpf-programs/flow.bpf.c.

[BpfStruct("flow_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct FlowSettings
{
    public uint Bits4;
    public uint Bits6;
}

/// <summary>Which end of a flow is here: <c>enum side</c>.</summary>
internal enum FlowSide : byte
{
    /// <summary>No key of its own.</summary>
    None,
    Client,
    Server,
}

[BpfStruct("flow_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FlowKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;

    // As it is in packets: as numbers they can be compared.
    public readonly ulong Peer;
    public readonly ulong PeerRest;

    /// <summary>The server's, as it is in packets.</summary>
    public readonly ushort Port;

    /// <summary>0: there was no room for a key of its own.</summary>
    public readonly byte Family;

    public readonly byte Bits;
    public readonly FlowSide Side;
    public readonly byte Rootless;
    public readonly byte Protocol;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;

    /// <summary>The address or prefix of the peer.</summary>
    public FlowPrefix Prefix => new(Peer, PeerRest, Family);

    /// <summary>Of UDP, else of TCP.</summary>
    public bool IsUdp => Protocol == 17;

    /// <summary>One peer, not a prefix of many.</summary>
    public bool IsWhole => Bits == (Family == 4 ? 32 : 128);
}

/// <summary>Eight 64-bit counters.</summary>
[BpfStruct("flow_figures")]
[StructLayout(LayoutKind.Sequential)]
internal struct FlowFigures
{
    public long Connections;
    public long Sent;
    public long Received;
    public long SegmentsOut;
    public long SegmentsIn;
    public long Retransmitted;

    /// <summary>Microseconds, added up.</summary>
    public long Rtt;

    public long Rtts;
}

[BpfStruct("flow_open")]
[StructLayout(LayoutKind.Sequential)]
internal struct FlowOpen
{
    public FlowFigures Figures;
    public ulong Pass;
}

[BpfStruct("flow_prefix")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FlowPrefix(ulong Address, ulong AddressRest, ulong Family);

[BpfStruct("flow_table")]
[StructLayout(LayoutKind.Sequential)]
internal struct FlowTable
{
    public ulong Net;
    public ulong Address;
    public ulong Buckets;
}
