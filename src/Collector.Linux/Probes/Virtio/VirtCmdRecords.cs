using System.Globalization;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Virtio;

// Mirrors of ebpf-programs/virtcmdlatency.bpf.c.

[BpfStruct("virtcmdlatency_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct VirtCmdSettings
{
    public ulong Slow;
    public uint Burst;
}

[BpfStruct("virtcmdlatency_key")]
[StructLayout(LayoutKind.Sequential)]
internal record struct VirtCmdKey : INamespaceKey
{
    public uint Netns;
    public uint NetnsCookie;
    public uint Ifindex;

    readonly uint INamespaceKey.Netns => Netns;
    readonly uint INamespaceKey.NetnsCookie => NetnsCookie;

    // No user can make such a device, nor take one into a namespace of his own.
    readonly bool INamespaceKey.Rootless => false;
}

[BpfStruct("virtcmdlatency_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct VirtCmdValue : ICounterValue
{
    public NanosecondHistogram Histogram;
    public long Slow;
    public long Slower;
    public Limiter Limiter;
    public Comm Name;

    readonly long ICounterValue.Counted => Histogram.Sum;
    readonly long ICounterValue.Held => Limiter.Held;

    public void Add(in VirtCmdValue other)
    {
        Histogram.Add(other.Histogram);
        Slow += other.Slow;
        Slower += other.Slower;
    }
}

[BpfStruct("virtcmdlatency_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct VirtCmdEvent
{
    public EventHead Head;
    public long Duration;
    public uint Ifindex;
    public Comm Name;
    public byte Class;
    public byte Command;
}

/// <summary>
/// Control commands by their numbers: include/uapi/linux/virtio_net.h, and the virtio specification 5.1.6.5.
/// </summary>
internal static class VirtCmdNames
{
    private static readonly (string Class, string[] Commands)[] Names =
    [
        ("RX", ["PROMISC", "ALLMULTI", "ALLUNI", "NOMULTI", "NOUNI", "NOBCAST"]),
        ("MAC", ["TABLE_SET", "ADDR_SET"]),
        ("VLAN", ["ADD", "DEL"]),
        ("ANNOUNCE", ["ACK"]),
        ("MQ", ["VQ_PAIRS_SET", "RSS_CONFIG", "HASH_CONFIG"]),
        ("GUEST_OFFLOADS", ["SET"]),
        ("NOTF_COAL", ["TX_SET", "RX_SET", "VQ_SET", "VQ_GET"]),
        ("7", []),
        ("STATS", ["QUERY", "GET"]),
    ];

    public static string Class(int number) => number < Names.Length ? Names[number].Class : Number(number);

    public static string Command(int @class, int number) =>
        @class < Names.Length && number < Names[@class].Commands.Length
            ? Names[@class].Commands[number]
            : Number(number);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
