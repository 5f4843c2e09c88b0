using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Fuzz.Tests.Targets;

/// <summary>Netlink: single messages, and whole answers over a socket whose other end plays the kernel.</summary>
internal static class NetlinkTargets
{
    private const int HeaderSize = 16;

    public static FuzzTarget Messages { get; } = FuzzTarget.Of(
        "messages", static () => [.. InputFiles.Of("netlink").SelectMany(Split)], static input => ParseAll(input));

    public static FuzzTarget Dialogue { get; } = new("netlink", static () => [], static () =>
    {
        var kernel = Pair(out var socket);
        var buffer = new byte[Mutator.LargestInput];
        return input => Read(kernel, socket, buffer, input);
    });

    /// <summary>The payloads of recorded messages.</summary>
    private static IEnumerable<byte[]> Split(byte[] recorded)
    {
        var messages = new List<byte[]>();
        for (var rest = recorded.AsSpan(); rest.Length >= HeaderSize;)
        {
            var length = (int)Math.Min((uint)rest.Length, Math.Max(HeaderSize, MemoryMarshal.Read<uint>(rest)));
            messages.Add(rest[HeaderSize..length].ToArray());
            rest = rest[Math.Min(rest.Length, (length + 3) & ~3)..];
        }
        return messages;
    }

    // The bytes end an array of their own, so that a read beyond them throws.
    private static void ParseAll(ReadOnlySpan<byte> bytes)
    {
        if (LinkMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWLINK, bytes), out var link))
        {
            link.Name.Length.ShouldBeLessThanOrEqualTo(bytes.Length);
            new Link(link.Index).Update(ref link);
        }
        _ = QdiscMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWQDISC, bytes), out _);
        _ = LinkStatsMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWSTATS, bytes), out _, out _);
        _ = NodeAddresses.TryParse(new NetlinkMessage(Rtnl.RTM_NEWADDR, bytes), out _, out _);
        _ = SocketMessage.TryParse(new NetlinkMessage(SockDiag.SOCK_DIAG_BY_FAMILY, bytes), out _);
        _ = ConntrackEntry.TryParse(new NetlinkMessage(ConntrackEntry.Type, bytes), out _);
        Span<long> values = stackalloc long[ConntrackMessage.AttributeCount];
        foreach (var type in (ReadOnlySpan<ushort>)[ConntrackMessage.PerCpu, ConntrackMessage.Global])
            _ = ConntrackMessage.TryParse(new NetlinkMessage(type, bytes), type, values, out _);
    }

    private static int Pair(out NetlinkSocket socket)
    {
        Span<int> ends = stackalloc int[2];
        unsafe
        {
            fixed (int* p = ends)
                socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p).ShouldBe(0);
        }
        socket = NetlinkSocket.Adopt(new SafeFd(ends[1]), NetlinkFamily.Route);
        return ends[0];
    }

    // The kernel's answer carries the number of the question: as often as not it is made right.
    private static void Read(int kernel, NetlinkSocket socket, byte[] buffer, byte[] input)
    {
        Span<byte> request = stackalloc byte[HeaderSize + 4];
        request[6] = 0x01;
        request[7] = 0x03;
        var reader = socket.Request(request, buffer);
        var sequence = MemoryMarshal.Read<uint>(request[8..]);
        Take(kernel, new byte[64]);
        var answer = (byte[])input.Clone();
        if (answer.Length >= HeaderSize && answer[^1] % 2 == 0)
            Renumber(answer, sequence);
        if (answer.Length > 0)
            Give(kernel, answer);
        // NLMSG_DONE, so that it need not wait for more.
        Give(kernel, Done(sequence));
        var messages = 0;
        while (reader.MoveNext(out var message))
        {
            messages++;
            ParseAll(message.Payload);
        }
        messages.ShouldBeLessThanOrEqualTo(input.Length / HeaderSize);
        reader.Status.ShouldNotBe(NetlinkStatus.Reading);
        Drain(socket, buffer);
    }

    private static void Renumber(Span<byte> answer, uint sequence)
    {
        for (var rest = answer; rest.Length >= HeaderSize;)
        {
            MemoryMarshal.Write(rest[8..], sequence);
            var length = Math.Max(HeaderSize, (long)MemoryMarshal.Read<uint>(rest));
            rest = rest[(int)Math.Min(rest.Length, (length + 3) & ~3L)..];
        }
    }

    private static byte[] Done(uint sequence)
    {
        var done = new byte[HeaderSize + 4];
        done[0] = (byte)done.Length;
        done[4] = 3;
        MemoryMarshal.Write(done.AsSpan(8), sequence);
        return done;
    }

    private static unsafe void Give(int fd, byte[] bytes)
    {
        fixed (byte* p = bytes)
            ((long)send(fd, p, bytes.Length, 0)).ShouldBe(bytes.Length);
    }

    private static unsafe void Take(int fd, byte[] into)
    {
        fixed (byte* p = into)
            _ = recv(fd, p, into.Length, 0);
    }

    private static unsafe void Drain(NetlinkSocket socket, byte[] buffer)
    {
        var news = new Silence();
        socket.Join(news, []);
        socket.TakeNews(buffer);
    }

    private sealed class Silence : INetlinkNews
    {
        public void Hear(in NetlinkMessage message) => ParseAll(message.Payload);

        public void Miss()
        {
        }
    }
}
