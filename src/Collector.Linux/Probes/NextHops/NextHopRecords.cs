using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.NextHops;

// Mirrors of ebpf-programs/nexthop.bpf.c.

/// <summary>What happened to a next hop; <c>enum kind</c>.</summary>
internal enum NextHopKind : byte
{
    Failed = 1,
    Changed,
}

/// <summary>A hardware address: MAX_ADDR_LEN.</summary>
[InlineArray(32)]
internal struct HardwareAddress
{
    private byte _first;

    /// <summary>As ip(8) shows it; null for none.</summary>
    public readonly string? Text(int length)
    {
        ReadOnlySpan<byte> bytes = this;
        bytes = bytes[..Math.Min(length, bytes.Length)];
        return bytes.IndexOfAnyExcept((byte)0) < 0
            ? null
            : BitConverter.ToString(bytes.ToArray()).Replace('-', ':').ToLowerInvariant();
    }
}

[BpfStruct("nexthop_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct NextHopSettings
{
    public uint Burst;
}

[BpfStruct("nexthop_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NextHopKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly NextHopKind Kind;
    public readonly byte Family;
    public readonly byte Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("nexthop_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct NextHopValue : ICounterValue
{
    public long Times;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Times;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("nexthop_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct NextHopEvent
{
    public EventHead Head;
    public AddressBytes Address;
    public HardwareAddress Before;
    public HardwareAddress After;
    public Comm Device;
    public uint Ifindex;
    public byte Length;
    public NextHopKind Kind;
    public byte Family;

    public readonly IPAddress Hop
    {
        get
        {
            ReadOnlySpan<byte> bytes = Address;
            return new IPAddress(Family == 4 ? bytes[..4] : bytes);
        }
    }

    public readonly string? HardwareBefore => Before.Text(Length);

    public readonly string? HardwareAfter => After.Text(Length);
}
