using Collector.Core.Events;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Tests.Probes;

/// <summary>How bad an occurrence is goes by what came of it.</summary>
public sealed class EventSeverityTests
{
    private const byte Syn = 2;
    private const byte SynAck = 18;
    private const byte Ack = 16;
    private const byte None = 0;

    [Theory]
    [InlineData(EventSeverity.Warn, Syn, "NOT_SPECIFIED", EventSeverity.Error)]
    [InlineData(EventSeverity.Warn, SynAck, "tcp_v4_rcv", EventSeverity.Error)]
    [InlineData(EventSeverity.Info, Syn, "NO_SOCKET", EventSeverity.Error)]
    [InlineData(EventSeverity.Warn, Syn, "NETFILTER_DROP", EventSeverity.Warn)]
    [InlineData(EventSeverity.Info, Syn, "NETFILTER_DROP", EventSeverity.Info)]
    [InlineData(EventSeverity.Warn, Syn, "nf_hook_slow", EventSeverity.Warn)]
    [InlineData(EventSeverity.Warn, Ack, "SOCKET_RCVBUFF", EventSeverity.Warn)]
    [InlineData(EventSeverity.Info, None, "NO_SOCKET", EventSeverity.Info)]
    public void A_connection_that_does_not_come_about_is_an_error_unless_a_rule_wants_it(
        EventSeverity usual, byte flags, string reason, EventSeverity expected) =>
        DropWords.Severity(usual, flags, reason).ShouldBe(expected);

    [Theory]
    [InlineData("syn_sent", EventSeverity.Error)]
    [InlineData("established", EventSeverity.Warn)]
    [InlineData("close_wait", EventSeverity.Warn)]
    [InlineData("unknown", EventSeverity.Warn)]
    [InlineData("time_wait", EventSeverity.Info)]
    [InlineData("syn_received", EventSeverity.Info)]
    public void A_reset_is_as_bad_as_what_it_ends(string state, EventSeverity expected) =>
        ResetReasons.SeverityOfReceived(state).ShouldBe(expected);

    [Theory]
    [InlineData("", EventSeverity.Warn)]
    [InlineData("TCP_ABORT_ON_CLOSE", EventSeverity.Warn)]
    [InlineData("TCP_KEEPALIVE_TIMEOUT", EventSeverity.Error)]
    [InlineData("TCP_ABORT_ON_MEMORY", EventSeverity.Error)]
    public void An_end_that_nobody_wanted_is_an_error(string reason, EventSeverity expected) =>
        ResetReasons.SeverityOfAnEnd(reason).ShouldBe(expected);

    [Fact]
    public void The_kernels_name_stands_beside_its_words()
    {
        DropWords.Why("NO_SOCKET", "__udp4_lib_rcv+0x4bc").ShouldBe("no socket (NO_SOCKET in __udp4_lib_rcv+0x4bc)");
        DropWords.Why("tcp_v4_rcv", "tcp_v4_rcv+0x1").ShouldBe("tcp_v4_rcv in tcp_v4_rcv+0x1");
    }
}
