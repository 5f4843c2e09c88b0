using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>One socket of an inet_diag answer (inet_sk_diag_fill, net/ipv4/inet_diag.c).</summary>
internal struct SocketMessage
{
    private const byte Listening = 10;

    public byte Family;

    /// <summary>enum tcp_state, net/tcp_states.h: ESTABLISHED 1 ... LISTEN 10, CLOSING 11.</summary>
    public byte State;

    /// <summary>IPv6 address as two words in network byte order read as numbers; IPv4 as ::ffff:a.b.c.d.</summary>
    public UInt128 LocalAddress;
    public ushort LocalPort;

    /// <summary>The other end, in the same way; 0 where there is none, or nobody asked sock_diag.</summary>
    public UInt128 RemoteAddress;
    public ushort RemotePort;

    /// <summary>The device or VRF that it is bound to, also by the scope of a link-local address; 0 for none.</summary>
    public int Interface;

    /// <summary>The kernel's own number of the socket; 0 where nobody asked sock_diag for it yet.</summary>
    public ulong Cookie;

    /// <summary>As in the link of a descriptor, "socket:[12345]"; 0 where no process has it.</summary>
    public ulong Inode;

    /// <summary>Bytes not read by the application; of a listener, connections waiting to be accepted.</summary>
    public uint ReceiveQueue;

    /// <summary>Bytes not acknowledged; of a listener the same as <see cref="Limit"/>.</summary>
    public uint SendQueue;

    /// <summary>
    /// Of a listener, how many connections may wait; else bytes (sk_rcvbuf), where memory was asked for.
    /// </summary>
    public uint Limit;

    /// <summary>sk_drops, u32 that wraps; -1 when not asked for or not sent.</summary>
    public long Drops;

    /// <summary>Of a listener, connections whose handshake is not over; -1 when not told, as by sock_diag.</summary>
    public long HalfOpen;

    /// <summary>
    /// Tells it from other sockets that live, whoever told of it: by its inode, which begins anew after 2^32, and port;
    /// by the cookie where no process has it.
    /// </summary>
    public readonly ulong Id => Inode != 0 ? Inode | (ulong)LocalPort << 32 : Cookie | 1UL << 63;

    /// <summary>False for a message that is cut short.</summary>
    public static unsafe bool TryParse(scoped in NetlinkMessage message, out SocketMessage socket)
    {
        socket = new SocketMessage { Drops = -1, HalfOpen = -1 };
        if (!message.TryRead<inet_diag_msg>(out var header, out var rest))
            return false;
        socket.Family = header.idiag_family;
        socket.State = header.idiag_state;
        socket.ReceiveQueue = header.idiag_rqueue;
        socket.SendQueue = socket.Limit = header.idiag_wqueue;
        socket.LocalPort = BinaryPrimitives.ReverseEndianness(header.id.idiag_sport);
        socket.Interface = (int)header.id.idiag_if;
        socket.Cookie = header.id.idiag_cookie[0] | (ulong)header.id.idiag_cookie[1] << 32;
        socket.Inode = header.idiag_inode;
        socket.RemotePort = BinaryPrimitives.ReverseEndianness(header.id.idiag_dport);
        socket.LocalAddress = AddressOf(header.idiag_family, new(header.id.idiag_src, 16));
        socket.RemoteAddress = AddressOf(header.idiag_family, new(header.id.idiag_dst, 16));
        var attributes = new NetlinkAttributes(rest);
        while (attributes.MoveNext(out var type, out var value))
        {
            if (type == SockDiag.INET_DIAG_SKMEMINFO)
                TakeMemory(value, ref socket);
        }
        return !attributes.Malformed;
    }

    private static UInt128 AddressOf(byte family, ReadOnlySpan<byte> address) => family == AF_INET
        ? Mapped(BinaryPrimitives.ReadUInt32BigEndian(address))
        : BinaryPrimitives.ReadUInt128BigEndian(address);

    /// <summary>The IPv4 address inside ::ffff:0:0/96.</summary>
    public static UInt128 Mapped(uint address) => new(0, 0xffff_0000_0000UL | address);

    // The array grew: SK_MEMINFO_DROPS is in it since Linux 4.7.
    private static void TakeMemory(ReadOnlySpan<byte> value, ref SocketMessage socket)
    {
        var words = MemoryMarshal.Cast<byte, uint>(value);
        if (words.Length > SockDiag.SK_MEMINFO_DROPS)
            socket.Drops = words[SockDiag.SK_MEMINFO_DROPS];
        if (words.Length > SockDiag.SK_MEMINFO_RCVBUF && socket.State != Listening)
            socket.Limit = words[SockDiag.SK_MEMINFO_RCVBUF];
    }
}
