using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Tests.Probes;

/// <summary>The parts of what came in, on kernels that count what is forwarded before and after the rules.</summary>
public sealed class LedgerAccountTests
{
    [Fact]
    public void Parts_add_up()
    {
        var account = Of(
            [
                (LedgerFigure.Received, 1000), (LedgerFigure.Delivered, 600), (LedgerFigure.Forwarded, 200),
                (LedgerFigure.HeaderErrors, 50), (LedgerFigure.Fragments, 90), (LedgerFigure.Reassembled, 30),
                (LedgerFigure.ListenDrops, 7),
            ],
            (DropStage.Netfilter, DropOutcome.Lost, 80), (DropStage.Counted, DropOutcome.Refused, 50),
            (DropStage.Transport, DropOutcome.Refused, 20), (DropStage.Transport, DropOutcome.Orderly, 3),
            (DropStage.Listen, DropOutcome.Lost, 2), (DropStage.Sent, DropOutcome.Lost, 99),
            (DropStage.Link, DropOutcome.Lost, 99), (DropStage.Device, DropOutcome.Lost, 99));

        account.Delivered.ShouldBe(600 - 23 - 7);
        account.Forwarded.ShouldBe(200);
        account.Reassembled.ShouldBe(60);
        account.Lost.ShouldBe(80 + 7);
        account.Refused.ShouldBe(50 + 20);
        account.Orderly.ShouldBe(3);
        account.Unexplained.ShouldBe(10);
        ShouldAddUp(account);
    }

    [Theory]
    // Linux 6.7: what a rule drops was counted as forwarded.
    [InlineData(300, 200)]
    [InlineData(200, 200)]
    public void What_a_rule_drops_is_not_forwarded(long counted, long forwarded)
    {
        var account = Of(
            [(LedgerFigure.Received, 300), (LedgerFigure.Forwarded, counted)],
            (DropStage.Netfilter, DropOutcome.Lost, 100));

        account.Forwarded.ShouldBe(forwarded);
        account.Lost.ShouldBe(100);
        account.Unexplained.ShouldBe(0);
        ShouldAddUp(account);
    }

    /// <summary>Before Linux 5.17 no drop has a reason, so those with a counter are seen without one.</summary>
    [Fact]
    public void What_has_a_counter_and_no_reason_counts_once()
    {
        var account = Of(
            [
                (LedgerFigure.Received, 300), (LedgerFigure.Forwarded, 100), (LedgerFigure.HeaderErrors, 150),
            ],
            (DropStage.Unnamed, DropOutcome.Refused, 150), (DropStage.Unnamed, DropOutcome.Lost, 50));

        account.Forwarded.ShouldBe(100);
        account.Refused.ShouldBe(150);
        account.Lost.ShouldBe(50);
        account.Unexplained.ShouldBe(0);
        ShouldAddUp(account);
    }

    [Fact]
    public void Stages_that_fell_are_none()
    {
        var account = Of([(LedgerFigure.Received, 100)], (DropStage.Netfilter, DropOutcome.Lost, -50));

        account.Unexplained.ShouldBe(100);
    }

    [Fact]
    public void Without_packetloss_protocols_tell_what_they_can()
    {
        var account = Of(
            [
                (LedgerFigure.Received, 100), (LedgerFigure.Delivered, 90), (LedgerFigure.UdpErrors, 5),
                (LedgerFigure.UdpNoPorts, 4), (LedgerFigure.ListenDrops, 3), (LedgerFigure.Watched, -1),
            ]);

        account.Watched.ShouldBeFalse();
        account.Delivered.ShouldBe(78);
        account.Lost.ShouldBe(8);
        account.Refused.ShouldBe(4);
        account.Unexplained.ShouldBe(10);
        ShouldAddUp(account);
    }

    [Theory]
    [InlineData("nf_hook_slow", "", true, DropStage.Netfilter)]
    [InlineData("nft_do_chain_inet", "NETFILTER_DROP", true, DropStage.Netfilter)]
    [InlineData("nf_hook_slow", "NETFILTER_DROP", false, DropStage.Sent)]
    [InlineData("enqueue_to_backlog", "CPU_BACKLOG", false, DropStage.Device)]
    [InlineData("enqueue_to_backlog", "", false, DropStage.Device)]
    [InlineData("ip_rcv_finish_core", "IP_RPFILTER", true, DropStage.Counted)]
    [InlineData("ip_rcv_finish_core", "IP_LOCAL_SOURCE", true, DropStage.Uncounted)]
    [InlineData("ip_rcv_finish_core", "", true, DropStage.Unnamed)]
    [InlineData("ip_forward", "PKT_TOO_BIG", true, DropStage.Onward)]
    [InlineData("neigh_invalidate", "NEIGH_FAILED", false, DropStage.Sent)]
    [InlineData("ip_protocol_deliver_rcu", "XFRM_POLICY", true, DropStage.Uncounted)]
    [InlineData("tcp_v4_rcv", "XFRM_POLICY", true, DropStage.Transport)]
    [InlineData("tcp_v4_rcv", "TCP_LISTEN_OVERFLOW", true, DropStage.Listen)]
    [InlineData("tcp_v4_rcv", "", true, DropStage.Transport)]
    [InlineData("__udp4_lib_rcv", "NO_SOCKET", true, DropStage.Transport)]
    [InlineData("__dev_queue_xmit", "QDISC_OVERLIMIT", true, DropStage.Link)]
    [InlineData("inet_frag_rbtree_purge", "FRAG_REASM_TIMEOUT", true, DropStage.Fragment)]
    public void A_drop_has_a_stage(string function, string reason, bool received, object stage) =>
        DropStages.Of(function, reason, received).ShouldBe((DropStage)stage);

    private static LedgerAccount Of(
        (LedgerFigure Figure, long Packets)[] figures, params (DropStage Stage, DropOutcome Outcome, long Packets)[] drops)
    {
        var all = new long[LedgerFigures.Count];
        all[(int)LedgerFigure.Watched] = 1;
        foreach (var (figure, packets) in figures)
            all[(int)figure] += packets;
        foreach (var (stage, outcome, packets) in drops)
            all[(int)LedgerFigure.Stages + DropStages.Column(stage, outcome)] += packets;
        return new LedgerAccount(all);
    }

    private static void ShouldAddUp(LedgerAccount account) => (account.Delivered + account.Forwarded
        + account.Reassembled + account.Lost + account.Refused + account.Orderly + account.Unexplained)
        .ShouldBe(account.Received);
}
