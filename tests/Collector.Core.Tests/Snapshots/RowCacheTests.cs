using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Core.Tests.Snapshots;

public sealed class RowCacheTests
{
    private static readonly TableInfo Table = new("cached", RowScope.Node, [], []);

    [Fact]
    public void A_row_made_before_an_exporter_came_keeps_what_that_one_encodes()
    {
        var early = new RowCacheSlot();
        var row = new Row(Table, null, 1);
        row.SetCached(early, "early");
        var late = new RowCacheSlot();

        row.GetCached(late).ShouldBeNull();
        row.SetCached(late, "late");
        row.GetCached(early).ShouldBe("early");
        row.GetCached(late).ShouldBe("late");
    }

    [Fact]
    public void A_row_that_nobody_encoded_has_nothing_and_takes_no_room() =>
        new Row(Table, null, 1).GetCached(new RowCacheSlot()).ShouldBeNull();

    [Fact]
    public void What_is_set_while_the_cache_grows_is_not_lost()
    {
        for (var round = 0; round < 500; round++)
        {
            var row = new Row(Table, null, 1);
            RowCacheSlot[] slots = [new(), new(), new(), new()];
            Parallel.ForEach(slots, slot => row.SetCached(slot, slot));
            foreach (var slot in slots)
                row.GetCached(slot).ShouldBeSameAs(slot);
        }
    }

    [Fact]
    public void Another_value_allocates_nothing_but_itself()
    {
        var slot = new RowCacheSlot();
        var row = new Row(Table, null, 1);
        row.SetCached(slot, "a");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            row.SetCached(slot, "b");
            row.GetCached(slot);
        }
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
