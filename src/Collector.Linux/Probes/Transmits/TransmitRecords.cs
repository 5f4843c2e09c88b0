using System.Runtime.InteropServices;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Transmits;

// Mirrors of ebpf-programs/include/transmit.h.

[BpfStruct("transmit_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitSettings
{
    /// <summary>Three thresholds, by <see cref="TransmitStation"/>.</summary>
    public SlowTimes Slow;

    public ulong Least;
    public uint Burst;
    public uint Sample;
}

[System.Runtime.CompilerServices.InlineArray(TransmitStation.Count)]
internal struct SlowTimes
{
    private ulong _first;
}

[BpfStruct("transmit_socket")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TransmitSocket : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;

    /// <summary>0: what is counted of devices.</summary>
    public readonly uint Protocol;

    public readonly uint Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("transmit_socket_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitSocketValue : ICounterValue
{
    public NanosecondHistogram Histogram;
    public long Slow;
    public long Slower;
    public long QueueSlower;
    public long DriverSlower;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Histogram.Sum + Slow + QueueSlower + DriverSlower;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("transmit_device")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TransmitDevice : INamespaceKey
{
    // Up to 15 bytes and a zero: as numbers they can be compared.
    public readonly ulong Name;
    public readonly ulong NameRest;

    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;

    /// <summary>Its name.</summary>
    public override string ToString() => Text(Name, NameRest);

    public static string Text(ulong name, ulong rest)
    {
        ReadOnlySpan<ulong> both = [name, rest];
        return NamePool.OfTerminated(MemoryMarshal.AsBytes(both));
    }
}

[BpfStruct("transmit_device_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitDeviceValue : ICounterValue
{
    public NanosecondHistogram Queue;
    public NanosecondHistogram Driver;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Queue.Sum + Driver.Sum;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("transmit_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitEvent
{
    public EventHead Head;
    public Flow Flow;
    public long Duration;
    public TransmitDevice Device;
    public uint Ifindex;
    public int Station;
}

/// <summary>Where a packet was on its way out: <c>enum station</c>.</summary>
internal static class TransmitStation
{
    public const int Socket = 0;
    public const int Queue = 1;
    public const int Driver = 2;
    public const int Count = 3;

    private static readonly string[] Names = ["socket", "queue", "driver"];

    /// <summary>The value of netlens.transmit.station.</summary>
    public static string Name(int station) => Names[station];
}
