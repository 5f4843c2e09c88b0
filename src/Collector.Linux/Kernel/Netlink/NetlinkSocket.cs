using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>Netlink families in use (include/uapi/linux/netlink.h).</summary>
public enum NetlinkFamily
{
    Route = 0,
    SockDiag = 4,
    Netfilter = 12,
    Generic = 16,
    Rdma = 20,
}

/// <summary>
/// A netlink socket of the namespace in which it was opened; kept for the namespace's life. Requests are answered
/// synchronously on the collection thread; a kernel that stays silent for two seconds is an error.
/// </summary>
public sealed unsafe partial class NetlinkSocket : IDisposable
{
    private readonly SafeFd _fd;
    private uint _sequence;

    private NetlinkSocket(SafeFd fd, NetlinkFamily family)
    {
        _fd = fd;
        Family = family;
    }

    public NetlinkFamily Family { get; }

    /// <summary>Opens a socket in the network namespace of the calling thread.</summary>
    /// <exception cref="LinuxException">The kernel refused it.</exception>
    public static NetlinkSocket Open(NetlinkFamily family)
    {
        var fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)family);
        if (fd < 0)
            throw LinuxException.Last($"socket AF_NETLINK {family}");
        var opened = new NetlinkSocket(new SafeFd(fd), family);
        var timeout = new Libc.timeval { tv_sec = 2 };
        _ = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(Libc.timeval));
        // Both are newer than the oldest kernels we run on (4.12, 4.20) and only better errors: refusal is fine.
        var one = 1;
        _ = setsockopt(fd, SOL_NETLINK, Rtnl.NETLINK_EXT_ACK, &one, sizeof(int));
        _ = setsockopt(fd, SOL_NETLINK, Rtnl.NETLINK_GET_STRICT_CHK, &one, sizeof(int));
        return opened;
    }

    /// <summary>The same for one of the many namespaces: not with the last descriptors.</summary>
    /// <exception cref="LinuxException">The kernel refused it.</exception>
    internal static NetlinkSocket OpenOfNamespace(NetlinkFamily family)
    {
        var socket = Open(family);
        socket._fd.NotOfTheLast($"socket AF_NETLINK {family}");
        return socket;
    }

    /// <summary>A socket over a descriptor whose other end plays the kernel.</summary>
    internal static NetlinkSocket Adopt(SafeFd fd, NetlinkFamily family) => new(fd, family);

    /// <summary>
    /// Sends a request and returns the reader of its answer, a dump or a single message. Read it to its end before
    /// the next request.
    /// </summary>
    /// <param name="request">nlmsghdr and payload; length, sequence and port are filled in here.</param>
    /// <param name="buffer">Where datagrams are received; netlink dumps need at least 32 KiB to be efficient.</param>
    public NetlinkReader Request(Span<byte> request, byte[] buffer)
    {
        ref var header = ref MemoryMarshal.AsRef<nlmsghdr>(request);
        header.nlmsg_len = (uint)request.Length;
        header.nlmsg_seq = ++_sequence;
        header.nlmsg_pid = 0;
        var dump = (header.nlmsg_flags & Rtnl.NLM_F_DUMP) == Rtnl.NLM_F_DUMP;
        return new NetlinkReader(this, buffer, _sequence, dump, Transmit(request));
    }

    /// <summary>
    /// Sends requests that are done together or not at all, as nfnetlink takes them; the answer is the first error, or
    /// the confirmation of the one that asks for it.
    /// </summary>
    /// <param name="requests">Each with its length; sequence and port are filled in here.</param>
    /// <param name="buffer">Where datagrams are received.</param>
    public NetlinkReader Batch(Span<byte> requests, byte[] buffer)
    {
        _sequence++;
        for (var rest = requests; !rest.IsEmpty;)
        {
            ref var header = ref MemoryMarshal.AsRef<nlmsghdr>(rest);
            header.nlmsg_seq = _sequence;
            header.nlmsg_pid = 0;
            rest = rest[(int)header.nlmsg_len..];
        }
        return new NetlinkReader(this, buffer, _sequence, dump: false, Transmit(requests));
    }

    private Errno Transmit(ReadOnlySpan<byte> request)
    {
        long sent;
        do
        {
            fixed (byte* p = request)
                sent = send(_fd.Value, p, request.Length, 0);
        }
        while (sent < 0 && SafeFd.LastErrno == EINTR);
        return sent < 0 ? SafeFd.LastErrno : Errno.None;
    }

    /// <summary>
    /// Receives one datagram of an answer; -1 with the error. The length is the datagram's even if the buffer is
    /// smaller.
    /// </summary>
    internal int Receive(Span<byte> into, out Errno error)
    {
        while (true)
        {
            var n = Receive(into, MSG_TRUNC, out var unasked);
            error = n < 0 ? SafeFd.LastErrno : Errno.None;
            if (n >= 0 && !unasked)
                return n;
            if (!TookNews(into, n, error) && error != EINTR)
                return -1;
        }
    }

    public void Dispose() => _fd.Dispose();
}

/// <summary>How the reading of an answer ended.</summary>
public enum NetlinkStatus
{
    /// <summary>Not at the end yet.</summary>
    Reading,

    /// <summary>Complete.</summary>
    Done,

    /// <summary>
    /// Complete, but the kernel says that the list changed under the dump (NLM_F_DUMP_INTR): ask again.
    /// </summary>
    Interrupted,

    /// <summary>A message or attribute did not fit its datagram, or the datagram the buffer.</summary>
    Truncated,

    /// <summary>The kernel refused or the socket failed; see <see cref="NetlinkReader.Error"/>.</summary>
    Failed,
}

/// <summary>One netlink message: its header's fields that matter and its payload.</summary>
public readonly ref struct NetlinkMessage(ushort type, ReadOnlySpan<byte> payload)
{
    public ushort Type { get; } = type;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    /// <summary>The fixed structure at the payload's start; false when the payload is too short for it.</summary>
    public bool TryRead<T>(out T value, out ReadOnlySpan<byte> attributes) where T : unmanaged
    {
        var size = (Unsafe.SizeOf<T>() + 3) & ~3;
        if (!MemoryMarshal.TryRead(Payload, out value))
        {
            attributes = default;
            return false;
        }
        attributes = Payload.Length > size ? Payload[size..] : default;
        return true;
    }
}

/// <summary>Reads the messages that answer one request, datagram by datagram, without copying or allocating.</summary>
public ref struct NetlinkReader
{
    private readonly NetlinkSocket _socket;
    private readonly byte[] _buffer;
    private readonly uint _sequence;
    // ctnetlink marks even the only message of an answer as NLM_F_MULTI: the request tells whether more will come.
    private readonly bool _dump;
    private ReadOnlySpan<byte> _rest;
    private bool _interrupted;
    private bool _single;

    internal NetlinkReader(NetlinkSocket socket, byte[] buffer, uint sequence, bool dump, Errno sendError)
    {
        _dump = dump;
        _socket = socket;
        _buffer = buffer;
        _sequence = sequence;
        Error = sendError;
        Status = sendError == Errno.None ? NetlinkStatus.Reading : NetlinkStatus.Failed;
    }

    /// <summary>Why the answer failed.</summary>
    public Errno Error { get; private set; }

    public NetlinkStatus Status { get; private set; }

    /// <summary>
    /// The next message of the answer; false at its end, then <see cref="Status"/> says how it ended.
    /// </summary>
    public bool MoveNext(out NetlinkMessage message)
    {
        message = default;
        while (Status == NetlinkStatus.Reading)
        {
            if (_rest.IsEmpty)
            {
                if (_single)
                    return End(NetlinkStatus.Done);
                if (!Receive())
                    return false;
            }
            if (!TakeMessage(out var header, out var payload))
                return End(NetlinkStatus.Truncated);
            if (header.nlmsg_seq != _sequence)
                continue; // The rest of an answer that was given up earlier.
            _interrupted |= (header.nlmsg_flags & Rtnl.NLM_F_DUMP_INTR) != 0;
            switch (header.nlmsg_type)
            {
                case Rtnl.NLMSG_NOOP:
                    continue;
                case Rtnl.NLMSG_DONE:
                    return EndOfDump(payload);
                case Rtnl.NLMSG_ERROR:
                    return EndWithError(payload);
                default:
                    _single = !_dump || (header.nlmsg_flags & Rtnl.NLM_F_MULTI) == 0;
                    message = new NetlinkMessage(header.nlmsg_type, payload);
                    return true;
            }
        }
        return false;
    }

    private bool Receive()
    {
        var n = _socket.Receive(_buffer, out var error);
        if (n < 0)
        {
            Error = error == EAGAIN ? ETIMEDOUT : error;
            return End(NetlinkStatus.Failed);
        }
        if (n > _buffer.Length)
            return End(NetlinkStatus.Truncated);
        if (n == 0)
            return End(NetlinkStatus.Truncated);
        _rest = _buffer.AsSpan(0, n);
        return true;
    }

    private bool TakeMessage(out nlmsghdr header, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (!MemoryMarshal.TryRead(_rest, out header))
            return false;
        var size = Unsafe.SizeOf<nlmsghdr>();
        if (header.nlmsg_len < size || header.nlmsg_len > _rest.Length)
            return false;
        payload = _rest[size..(int)header.nlmsg_len];
        var aligned = ((int)header.nlmsg_len + 3) & ~3;
        _rest = aligned >= _rest.Length ? default : _rest[aligned..];
        return true;
    }

    // NLMSG_DONE carries the dump's result since 2.6.x: a negative errno when it broke off.
    private bool EndOfDump(ReadOnlySpan<byte> payload)
    {
        if (MemoryMarshal.TryRead(payload, out int result) && result < 0)
        {
            Error = -result;
            return End(NetlinkStatus.Failed);
        }
        return End(_interrupted ? NetlinkStatus.Interrupted : NetlinkStatus.Done);
    }

    private bool EndWithError(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out int result))
            return End(NetlinkStatus.Truncated);
        Error = -result;
        return End(result == 0 ? NetlinkStatus.Done : NetlinkStatus.Failed);
    }

    private bool End(NetlinkStatus status)
    {
        Status = status;
        return false;
    }
}
