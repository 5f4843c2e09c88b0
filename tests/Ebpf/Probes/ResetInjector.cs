using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>When the reset is put into the connection.</summary>
public enum InjectAt
{
    /// <summary>As the answer to the client's SYN.</summary>
    Syn,

    /// <summary>As the answer to the client's first data.</summary>
    Data,

    /// <summary>A while after both sides ended: the client is in TIME_WAIT.</summary>
    TimeWait,
}

/// <summary>
/// Sits at the server's side, sees every frame before netfilter does, and sends the client of one port one reset that
/// looks like the server's.
/// </summary>
internal sealed class ResetInjector : IDisposable
{
    private const ProtocolType AllFrames = (ProtocolType)0x0300; // ETH_P_ALL, 3, in network order
    private const byte Fin = 1;
    private const byte Syn = 2;
    private const byte Reset = 4;
    private const byte Ack = 16;
    private readonly Socket _frames;
    private readonly TestNetns _ns;
    private readonly InjectAt _at;
    private readonly int _port;
    private readonly Thread _thread;
    private readonly HashSet<int> _ended = [];
    private bool _sent;

    public ResetInjector(TestNetns ns, InjectAt at, int port)
    {
        _ns = ns;
        _at = at;
        _port = port;
        _frames = ns.Inside(() => new Socket(AddressFamily.Packet, SocketType.Raw, AllFrames));
        _thread = new Thread(Watch) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Waits until the reset is on its way.</summary>
    public void Await()
    {
        _thread.Join(TimeSpan.FromSeconds(30)).ShouldBeTrue();
        _sent.ShouldBeTrue();
    }

    /// <summary>A segment of a connection that no socket knows, as if the client had begun it.</summary>
    public static void SendSyn(TestNetns ns, IPAddress source, int sport, IPAddress destination, int dport) =>
        Send(ns, source, sport, destination, dport, 1000, 0, Syn);

    /// <summary>An acknowledgement of such a one.</summary>
    public static void SendAck(
        TestNetns ns, IPAddress source, int sport, IPAddress destination, int dport, uint sequence) =>
        Send(ns, source, sport, destination, dport, sequence, 1, Ack);

    private void Watch()
    {
        var buffer = new byte[65536];
        try
        {
            while (!_sent)
            {
                var length = _frames.Receive(buffer);
                if (Segment.TryParse(buffer.AsSpan(0, length)) is { } segment)
                    Answer(segment);
            }
        }
        catch (SocketException)
        {
            // Disposed: the test ended first.
        }
    }

    private void Answer(Segment s)
    {
        if (s.DestinationPort != _port && s.SourcePort != _port)
            return;
        if ((s.Flags & Fin) != 0)
            _ended.Add(s.SourcePort);
        if (s.DestinationPort != _port)
            return;
        var (hit, seq, ack, flags) = _at switch
        {
            InjectAt.Syn => (s.Flags == Syn, 0u, s.Sequence + 1, (byte)(Reset | Ack)),
            InjectAt.Data => (s.Payload > 0, s.Acknowledged, 0u, Reset),
            _ => (_ended.Count == 2 && (s.Flags & Fin) == 0, s.Acknowledged, 0u, Reset),
        };
        if (!hit)
            return;
        // The client has to get into the state: its ACK leaves a little before.
        if (_at == InjectAt.TimeWait)
            Thread.Sleep(300);
        Send(_ns, s.Destination, s.DestinationPort, s.Source, s.SourcePort, seq, ack, flags);
        _sent = true;
    }

    private static void Send(
        TestNetns ns, IPAddress source, int sport, IPAddress destination, int dport, uint seq, uint ack, byte flags)
    {
        var tcp = new byte[20];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, (ushort)sport);
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(2), (ushort)dport);
        BinaryPrimitives.WriteUInt32BigEndian(tcp.AsSpan(4), seq);
        BinaryPrimitives.WriteUInt32BigEndian(tcp.AsSpan(8), ack);
        tcp[12] = 5 << 4;
        tcp[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(14), 8192);
        // RFC 9293 3.1: over both addresses, protocol, length and the segment.
        byte[] covered = [.. source.GetAddressBytes(), .. destination.GetAddressBytes(), 0, 6, 0, 20, .. tcp];
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(16), Checksum(covered));
        using var raw = ns.Inside(() => new Socket(source.AddressFamily, SocketType.Raw, ProtocolType.Tcp));
        raw.Bind(new IPEndPoint(source, 0));
        raw.SendTo(tcp, new IPEndPoint(destination, 0));
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

    public void Dispose() => _frames.Dispose();

    private readonly record struct Segment(
        IPAddress Source, int SourcePort, IPAddress Destination, int DestinationPort, uint Sequence, uint Acknowledged,
        byte Flags, int Payload)
    {
        public static Segment? TryParse(ReadOnlySpan<byte> frame)
        {
            if (frame.Length < 54)
                return null;
            var ip = frame[14..];
            return BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
            {
                0x0800 when ip[9] == 6 => Parse(
                    ip[12..16], ip[16..20], ip[20..BinaryPrimitives.ReadUInt16BigEndian(ip[2..])]),
                0x86dd when ip[6] == 6 => Parse(
                    ip[8..24], ip[24..40], ip.Slice(40, BinaryPrimitives.ReadUInt16BigEndian(ip[4..]))),
                _ => null,
            };
        }

        private static Segment Parse(
            ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> tcp) =>
            new(new IPAddress(source), BinaryPrimitives.ReadUInt16BigEndian(tcp),
                new IPAddress(destination), BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]),
                BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]), BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]),
                tcp[13], tcp.Length - ((tcp[12] >> 4) * 4));
    }
}
