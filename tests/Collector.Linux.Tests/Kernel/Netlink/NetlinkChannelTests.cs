using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Tests.Kernel.Netlink;

/// <summary>Whole, changed, broken and refused answers, from a kernel that the test plays on a socket pair.</summary>
public sealed class NetlinkChannelTests : IDisposable
{
    private const ushort Multi = 2;
    private const ushort DumpInterrupted = 0x10;
    private const ushort ErrorType = 2;
    private const ushort DoneType = 3;

    private readonly LinuxHost _host = new(new KernelPaths());
    private readonly Counter _sink = new();
    private readonly NetlinkChannel _channel;
    private int _opened;
    private int _kernel = -1;

    public NetlinkChannelTests() => _channel = new NetlinkChannel(NetlinkFamily.Route, _ => OpenPair());

    [Fact]
    public void A_whole_answer_is_given_message_by_message()
    {
        Prepare();
        Reply(1, [.. Part(1, Multi), .. Part(1, Multi)], Done(1));
        Ask().ShouldBeTrue();
        _sink.Taken.ShouldBe(2);
    }

    [Fact]
    public void A_dump_that_changed_is_asked_for_again_and_nothing_is_counted_twice()
    {
        Prepare();
        Reply(1, Part(1, Multi | DumpInterrupted), Done(1));
        Reply(2, [.. Part(2, Multi), .. Part(2, Multi)], Done(2));
        Ask().ShouldBeTrue();
        _sink.Taken.ShouldBe(2);
    }

    [Fact]
    public void A_dump_that_changes_three_times_is_given_up()
    {
        Prepare();
        for (var i = 1u; i <= 3; i++)
            Reply(i, Part(i, Multi | DumpInterrupted), Done(i));
        Ask().ShouldBeFalse();
        _channel.Failure.ShouldBe("interrupted");
        _sink.Begun.ShouldBe(3);
    }

    [Fact]
    public void A_refusal_has_the_errors_name_and_the_next_time_has_a_new_socket()
    {
        Prepare();
        Reply(1, new MessageBytes().Struct(-(int)EPERM).Struct(default(nlmsghdr)).Message(ErrorType, 0, 1));
        Ask().ShouldBeFalse();
        _channel.Failure.ShouldBe("EPERM");
        _channel.Error.ShouldBe(EPERM);
        Prepare();
        Reply(1, Done(1));
        Ask().ShouldBeTrue();
        _opened.ShouldBe(2);
    }

    [Fact]
    public void A_dump_that_ends_with_an_error_is_a_failure()
    {
        Prepare();
        Reply(1, Part(1, Multi), new MessageBytes().Struct(-(int)ENOBUFS).Message(DoneType, Multi, 1));
        Ask().ShouldBeFalse();
        _channel.Failure.ShouldBe("ENOBUFS");
    }

    [Fact]
    public void A_message_longer_than_its_datagram_is_truncated()
    {
        Prepare();
        var message = Part(1, Multi);
        message[0] = 200;
        Reply(1, message);
        Ask().ShouldBeFalse();
        _channel.Failure.ShouldBe("truncated");
    }

    [Fact]
    public void A_message_that_the_reader_refuses_fails_the_answer_but_not_the_socket()
    {
        Prepare();
        _sink.Refuse = true;
        Reply(1, Part(1, Multi), Done(1));
        Ask().ShouldBeFalse();
        _channel.Failure.ShouldBe("malformed");
        _sink.Refuse = false;
        Reply(2, Part(2, Multi), Done(2));
        Ask().ShouldBeTrue();
        _opened.ShouldBe(1);
    }

    [Fact]
    public void The_rest_of_an_earlier_answer_is_skipped()
    {
        Prepare();
        Reply(1, Part(77, Multi), [.. Part(1, Multi), .. Done(1)]);
        Ask().ShouldBeTrue();
        _sink.Taken.ShouldBe(1);
    }

    [Fact]
    public void An_answer_that_is_no_dump_ends_with_its_message()
    {
        Prepare();
        Reply(1, Part(1, 0));
        Ask().ShouldBeTrue();
        _sink.Taken.ShouldBe(1);
    }

    private NetlinkSocket? _next;

    // Replies wait in the socket before the request is sent: sequences are counted from 1 per socket.
    private unsafe void Prepare()
    {
        var pair = stackalloc int[2];
        socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair).ShouldBe(0);
        _kernel = pair[1];
        _next = NetlinkSocket.Adopt(new SafeFd(pair[0]), NetlinkFamily.Route);
    }

    private NetlinkSocket OpenPair()
    {
        _opened++;
        return _next!;
    }

    private unsafe void Reply(uint sequence, params byte[][] datagrams)
    {
        sequence.ShouldBeGreaterThan(0u);
        foreach (var datagram in datagrams)
        {
            fixed (byte* bytes = datagram)
                ((long)write(_kernel, bytes, datagram.Length)).ShouldBe(datagram.Length);
        }
    }

    private bool Ask()
    {
        Span<byte> request = stackalloc byte[32];
        return _channel.Ask(_host.Namespaces.Host, 18, Rtnl.NLM_F_DUMP, request, _sink);
    }

    private static byte[] Part(uint sequence, ushort flags) =>
        new MessageBytes().Struct(0ul).Message(16, flags, sequence);

    private static byte[] Done(uint sequence) => new MessageBytes().Struct(0).Message(DoneType, Multi, sequence);

    public void Dispose()
    {
        _channel.Dispose();
        _host.Dispose();
        if (_kernel >= 0)
            _ = close(_kernel);
    }

    private sealed class Counter : INetlinkSink
    {
        public int Begun { get; private set; }

        public int Taken { get; private set; }

        public bool Refuse { get; set; }

        public void Begin()
        {
            Begun++;
            Taken = 0;
        }

        public bool Take(in NetlinkMessage message)
        {
            Taken++;
            return !Refuse;
        }
    }
}
