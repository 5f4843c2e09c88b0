using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Tests.Probes;

/// <summary>What the counters of a table of connections are told as.</summary>
public sealed class ConntrackWatchTests
{
    private readonly List<ConntrackRecord> _told = [];
    private readonly ConntrackWatch _watch = new(90);

    private void Look(long entries, params (ushort Counter, long Value)[] counters)
    {
        _told.Clear();
        var all = new long[ConntrackMessage.AttributeCount];
        foreach (var (counter, value) in counters)
            all[counter] = value;
        _watch.Look(entries, 100, all, default, (in r) => _told.Add(r));
    }

    [Fact]
    public void A_clash_that_was_settled_hides_none_that_was_lost_and_a_long_chain_is_none()
    {
        Look(10, (Ctnetlink.CTA_STATS_INSERT_FAILED, 5));
        _told.ShouldBeEmpty();
        Look(10, (Ctnetlink.CTA_STATS_INSERT_FAILED, 7), (Ctnetlink.CTA_STATS_DROP, 2),
            (Ctnetlink.CTA_STATS_CLASH_RESOLVE, 9));
        _told.ShouldHaveSingleItem().Cause.ShouldBe(ConntrackCause.Clash);
        _told[0].Dropped.ShouldBe(2);
        Look(10, (Ctnetlink.CTA_STATS_INSERT_FAILED, 10), (Ctnetlink.CTA_STATS_DROP, 2),
            (Ctnetlink.CTA_STATS_CHAIN_TOOLONG, 3));
        _told.ShouldBeEmpty();
    }

    [Fact]
    public void A_level_is_told_again_when_there_was_room()
    {
        Look(91);
        _told.ShouldHaveSingleItem().Cause.ShouldBe(ConntrackCause.Filling);
        Look(85);
        Look(91);
        _told.ShouldBeEmpty();
        Look(79);
        Look(91);
        _told.ShouldHaveSingleItem().Cause.ShouldBe(ConntrackCause.Filling);
    }
}
