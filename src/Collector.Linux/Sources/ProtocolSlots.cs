using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Sources;

/// <summary>A protocol that has registered itself: see namespaces.bpf.c.</summary>
[BpfStruct("protocol_slot")]
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal struct ProtocolSlot
{
    public ProtocolName Name;
    public uint Slot;

    [InlineArray(32)]
    internal struct ProtocolName
    {
        private byte _first;
    }
}

/// <summary>A figure of sockstat or sockstat6, and its slot among the sockets in use.</summary>
internal readonly record struct ProtocolPlace(SockstatField Field, int Slot);

/// <summary>
/// Where the kernel counts the sockets in use of each protocol: protocols get a number when they register themselves.
/// Found once, by way of a socket of our own; a kernel may lack some (UDP-Lite since 7.1).
/// </summary>
internal sealed class ProtocolSlots
{
    private static readonly (string Name, SockstatField Field)[] NamesOfIPv4 =
    [
        ("TCP", SockstatField.TcpInuse), ("UDP", SockstatField.UdpInuse), ("UDP-Lite", SockstatField.UdpliteInuse),
        ("RAW", SockstatField.RawInuse),
    ];

    private static readonly (string Name, SockstatField Field)[] NamesOfIPv6 =
    [
        ("TCPv6", SockstatField.TcpInuse), ("UDPv6", SockstatField.UdpInuse), ("UDPLITEv6", SockstatField.UdpliteInuse),
        ("RAWv6", SockstatField.RawInuse),
    ];

    private readonly ProtocolPlace[] _ipv4;
    private readonly ProtocolPlace[] _ipv6;

    private ProtocolSlots(ReadOnlySpan<ProtocolSlot> all) =>
        (_ipv4, _ipv6) = (Find(all, NamesOfIPv4), Find(all, NamesOfIPv6));

    public ReadOnlySpan<ProtocolPlace> IPv4 => _ipv4;

    public ReadOnlySpan<ProtocolPlace> IPv6 => _ipv6;

    public bool HasIPv6 => _ipv6.Length > 0;

    /// <param name="programs">Those of namespaces.bpf.c.</param>
    /// <exception cref="LinuxException">The program cannot be run, or does not find them.</exception>
    public static ProtocolSlots Find(BpfObject programs)
    {
        using var found = new MappedArray<ProtocolSlot>(programs.Map("protocols"), writable: true);
        found.Values.Clear();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var error = programs.Program("find_protocols").Run([(ulong)socket.Handle], out var failed);
        if (error != Errno.None || failed != 0)
            throw new LinuxException("the kernel's protocols cannot be found", error);
        var slots = new ProtocolSlots(found.Values);
        return slots.IPv4.Length > 0
            ? slots
            : throw new LinuxException("the kernel's protocols cannot be found", Tmds.Linux.LibC.ENOENT);
    }

    private static ProtocolPlace[] Find(
        ReadOnlySpan<ProtocolSlot> all, (string Name, SockstatField Field)[] names)
    {
        var places = new List<ProtocolPlace>();
        foreach (ref readonly var protocol in all)
        {
            ReadOnlySpan<byte> bytes = protocol.Name;
            var end = bytes.IndexOf((byte)0);
            if (end <= 0 || protocol.Slot >= MibWords.SocketSlots)
                continue;
            var name = System.Text.Encoding.ASCII.GetString(bytes[..end]);
            foreach (var known in names)
            {
                if (known.Name == name)
                    places.Add(new(known.Field, (int)protocol.Slot));
            }
        }
        return [.. places];
    }
}
