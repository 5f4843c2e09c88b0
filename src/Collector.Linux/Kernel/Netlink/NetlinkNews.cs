using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>Takes what the kernel tells of by itself.</summary>
public interface INetlinkNews
{
    void Hear(in NetlinkMessage message);

    /// <summary>Something was told for which the socket had no room.</summary>
    void Miss();
}

/// <summary>
/// The side of a socket that listens to a multicast group. News come between answers and within them; they are told
/// apart by the group in the sender's address, because their sequence number is that of whoever caused them.
/// </summary>
public sealed unsafe partial class NetlinkSocket
{
    /// <summary>Datagrams: several times what the socket holds. Who makes them may be faster than we read.</summary>
    private const int MostNews = 4096;

    private INetlinkNews? _news;

    /// <summary>
    /// Gives what groups are told from now on to <paramref name="news"/>; false where the kernel refused one.
    /// </summary>
    internal bool Join(INetlinkNews news, ReadOnlySpan<int> groups)
    {
        _news = news;
        if (Family == NetlinkFamily.Route && groups.Length > 0)
            _ = NewsFilter.Attach(_fd.Value);
        var joined = true;
        foreach (var group in groups)
            joined &= setsockopt(_fd.Value, SOL_NETLINK, Rtnl.NETLINK_ADD_MEMBERSHIP, &group, sizeof(int)) == 0;
        return joined;
    }

    /// <summary>Takes the news that wait, so that an answer finds room in the socket.</summary>
    internal void TakeNews(Span<byte> buffer)
    {
        for (var taken = 0; taken < MostNews; taken++)
        {
            var n = Receive(buffer, MSG_TRUNC | MSG_DONTWAIT, out var unasked);
            var error = n < 0 ? SafeFd.LastErrno : Errno.None;
            if (n >= 0 && !unasked)
                continue; // The rest of an answer that was given up earlier.
            if (!TookNews(buffer, n, error) && error != EINTR)
                return;
        }
        _news?.Miss();
    }

    private int Receive(Span<byte> into, int flags, out bool unasked)
    {
        unasked = false;
        fixed (byte* p = into)
        {
            if (_news is null)
                return (int)recv(_fd.Value, p, into.Length, flags);
            sockaddr_nl from = default;
            socklen_t length = sizeof(sockaddr_nl);
            var n = recvfrom(_fd.Value, p, into.Length, flags, (sockaddr*)&from, &length);
            unasked = n >= 0 && from.nl_groups != 0;
            return (int)n;
        }
    }

    private bool TookNews(ReadOnlySpan<byte> buffer, int length, Errno error)
    {
        if (_news is null || (length < 0 && error != ENOBUFS))
            return false;
        if (length < 0 || length > buffer.Length)
            _news.Miss();
        else
            Hear(buffer[..length], _news);
        return true;
    }

    private static void Hear(ReadOnlySpan<byte> datagram, INetlinkNews news)
    {
        var size = Unsafe.SizeOf<nlmsghdr>();
        while (MemoryMarshal.TryRead(datagram, out nlmsghdr header)
            && header.nlmsg_len >= size && header.nlmsg_len <= datagram.Length)
        {
            news.Hear(new NetlinkMessage(header.nlmsg_type, datagram[size..(int)header.nlmsg_len]));
            datagram = datagram[Math.Min(datagram.Length, ((int)header.nlmsg_len + 3) & ~3)..];
        }
    }
}
