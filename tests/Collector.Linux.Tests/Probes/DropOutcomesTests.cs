using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Tests.Probes;

/// <summary>Lost, refused or orderly, as kernels with reasons and kernels without tell.</summary>
public sealed class DropOutcomesTests
{
    [Theory]
    // What was seen of the packet goes first.
    [InlineData("nf_hook_slow", "NETFILTER_DROP", DropTrait.Plain, DropOutcome.Lost)]
    [InlineData("nf_hook_slow", "NETFILTER_DROP", DropTrait.Answered, DropOutcome.Refused)]
    [InlineData("tcp_v4_rcv", "", DropTrait.Closing, DropOutcome.Orderly)]
    [InlineData("tcp_v4_rcv", "", DropTrait.Answered, DropOutcome.Refused)]
    // A reset, where TCP had it in hand; elsewhere it is a packet as any other.
    [InlineData("tcp_v4_rcv", "NO_SOCKET", DropTrait.Reset, DropOutcome.Orderly)]
    [InlineData("tcp_v6_rcv", "", DropTrait.Reset, DropOutcome.Orderly)]
    [InlineData("nf_hook_slow", "", DropTrait.Reset, DropOutcome.Lost)]
    [InlineData("tcp_v4_rcv", "", DropTrait.Fin, DropOutcome.Orderly)]
    [InlineData("tcp_v4_rcv", "NO_SOCKET", DropTrait.Fin, DropOutcome.Refused)]
    [InlineData("tcp_v4_rcv", "TCP_CSUM", DropTrait.Fin, DropOutcome.Lost)]
    [InlineData("enqueue_to_backlog", "", DropTrait.Fin, DropOutcome.Lost)]
    // By reason.
    [InlineData("__udp4_lib_rcv", "NO_SOCKET", DropTrait.Plain, DropOutcome.Refused)]
    [InlineData("tcp_rcv_state_process", "TCP_CLOSE", DropTrait.Plain, DropOutcome.Orderly)]
    [InlineData("tcp_data_queue", "TCP_OLD_DATA", DropTrait.Plain, DropOutcome.Orderly)]
    [InlineData("tcp_v4_rcv", "TCP_LISTEN_OVERFLOW", DropTrait.Plain, DropOutcome.Lost)]
    [InlineData("__udp_enqueue_schedule_skb", "SOCKET_RCVBUFF", DropTrait.Plain, DropOutcome.Lost)]
    [InlineData("__dev_queue_xmit", "QDISC_OVERLIMIT", DropTrait.Plain, DropOutcome.Lost)]
    // By place, without a reason.
    [InlineData("arp_error_report", "", DropTrait.Plain, DropOutcome.Refused)]
    [InlineData("neigh_invalidate", "", DropTrait.Plain, DropOutcome.Refused)]
    [InlineData("ip6_pkt_drop", "IP_INNOROUTES", DropTrait.Plain, DropOutcome.Refused)]
    [InlineData("bpf_prog_test_run_skb", "", DropTrait.Plain, DropOutcome.Orderly)]
    [InlineData("tcp_v4_rcv", "", DropTrait.Plain, DropOutcome.Lost)]
    [InlineData("", "_other", DropTrait.Plain, DropOutcome.Lost)]
    public void A_drop_means(string function, string reason, object trait, object outcome) =>
        DropOutcomes.Of(function, reason, (DropTrait)trait).ShouldBe((DropOutcome)outcome);
}
