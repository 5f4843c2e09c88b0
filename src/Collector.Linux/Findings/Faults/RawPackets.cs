using System.Buffers.Binary;
using System.Net;

namespace Collector.Linux.Findings.Faults;

/// <summary>IPv4 packets as no socket sends them. The kernel fills in the header's checksum.</summary>
internal static class RawPackets
{
    private const byte Tcp = 6;
    private const byte Udp = 17;

    public const byte Syn = 0x02;
    public const byte Reset = 0x04;

    /// <summary>A datagram without a checksum, or with a wrong one.</summary>
    public static byte[] Datagram(IPAddress from, IPAddress to, int fromPort, bool damaged = false)
    {
        var packet = Header(from, to, Udp, 28 + 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)fromPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), FaultPair.ClosedPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), 8 + 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(26), damaged ? (ushort)0xdead : (ushort)0);
        return packet;
    }

    /// <summary>The first fragment of a datagram.</summary>
    public static byte[] Fragment(IPAddress from, IPAddress to, int id)
    {
        var packet = Header(from, to, Udp, 20 + 64);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)id);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), 0x2000);
        return packet;
    }

    /// <summary>A segment without data.</summary>
    public static byte[] Segment(IPEndPoint from, IPEndPoint to, uint sequence, byte flags)
    {
        var packet = Header(from.Address, to.Address, Tcp, 40);
        var tcp = packet.AsSpan(20);
        BinaryPrimitives.WriteUInt16BigEndian(tcp, (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], (ushort)to.Port);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], sequence);
        tcp[12] = 5 << 4;
        tcp[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], 8192);
        // RFC 9293 3.1: over both addresses, protocol, length and the segment.
        byte[] covered = [.. packet.AsSpan(12, 8), 0, Tcp, 0, 20, .. tcp];
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], Checksum(covered));
        return packet;
    }

    private static byte[] Header(IPAddress from, IPAddress to, byte protocol, int length)
    {
        var packet = new byte[length];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)length);
        packet[8] = 64;
        packet[9] = protocol;
        from.GetAddressBytes().CopyTo(packet, 12);
        to.GetAddressBytes().CopyTo(packet, 16);
        return packet;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0u;
        for (; bytes.Length > 1; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
