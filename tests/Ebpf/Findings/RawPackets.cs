using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Findings;

/// <summary>IPv4 packets as no socket sends them.</summary>
internal static class RawPackets
{
    private const int IP_NODEFRAG = 22;

    /// <summary>Datagrams with any sender.</summary>
    public static void Udp(TestNetns from, string source, string to, int count) => Send(from, to, count, i =>
    {
        var packet = Header(source, to, 17, 28 + 16);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)(20_000 + i));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), 4243);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), 8 + 16);
        return packet;
    });

    /// <summary>The first fragments of datagrams; the others never come.</summary>
    public static void Fragments(TestNetns from, string source, string to, int first, int count) =>
        Send(from, to, count, i =>
        {
            var packet = Header(source, to, 17, 20 + 64);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(first + i));
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), 0x2000);
            return packet;
        });

    /// <summary>Segments with flags that no segment may have, each to another port.</summary>
    public static void Segments(TestNetns from, string source, string to, int first, int count) =>
        Send(from, to, count, i =>
        {
            var packet = Header(source, to, 6, 40);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), 4711);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), (ushort)(first + i));
            packet[32] = 0x50;
            // SYN and FIN.
            packet[33] = 0x03;
            return packet;
        });

    private static byte[] Header(string source, string to, byte protocol, int length)
    {
        var packet = new byte[length];
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)length);
        packet[8] = 64;
        packet[9] = protocol;
        IPAddress.Parse(source).GetAddressBytes().CopyTo(packet, 12);
        IPAddress.Parse(to).GetAddressBytes().CopyTo(packet, 16);
        return packet;
    }

    private static void Send(TestNetns from, string to, int count, Func<int, byte[]> packet) => from.Inside(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
        // Connection tracking waits for the other fragments before a packet leaves, with openvswitch of 5.10 everywhere.
        socket.SetRawSocketOption(0, IP_NODEFRAG, BitConverter.GetBytes(1));
        for (var i = 0; i < count; i++)
            socket.SendTo(packet(i), new IPEndPoint(IPAddress.Parse(to), 0));
    });
}
