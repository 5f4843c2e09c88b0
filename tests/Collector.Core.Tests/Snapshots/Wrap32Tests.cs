using Collector.Core.Snapshots;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Core.Tests.Snapshots;

public sealed class Wrap32Tests
{
    [Fact]
    public void It_starts_at_the_kernels_own_value()
    {
        var counter = default(Wrap32);
        counter.Update(4_000_000_000).ShouldBe(4_000_000_000);
    }

    [Fact]
    public void A_wrap_goes_on_in_64_bits()
    {
        var counter = default(Wrap32);
        counter.Update(uint.MaxValue);
        counter.Update(4).ShouldBe(uint.MaxValue + 5L);
    }

    [Fact]
    public void It_follows_any_64_bit_counter_whose_steps_are_below_two_to_the_32() =>
        Prop.ForAll(ArbMap.Default.ArbFor<uint[]>(), steps =>
        {
            var counter = default(Wrap32);
            var truth = 0L;
            return steps.All(step =>
            {
                truth += step;
                return counter.Update((uint)truth) == truth;
            });
        }).QuickCheckThrowOnFailure();
}
