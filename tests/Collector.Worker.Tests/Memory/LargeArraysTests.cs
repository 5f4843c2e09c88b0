using Collector.Worker.Memory;

namespace Collector.Worker.Tests.Memory;

public sealed class LargeArraysTests
{
    // A type of its own: nobody else borrows these.
    private readonly record struct Item(long Value);

    [Fact]
    public void The_same_array_comes_back_until_all_are_forgotten()
    {
        var first = LargeArrays<Item>.Pool.Rent(100_000);
        LargeArrays<Item>.Pool.Return(first);
        ReferenceEquals(LargeArrays<Item>.Pool.Rent(100_000), first).ShouldBeTrue();

        LargeArrays.Forget();

        LargeArrays<Item>.Pool.Return(first);
        LargeArrays.Forget();
        ReferenceEquals(LargeArrays<Item>.Pool.Rent(100_000), first).ShouldBeFalse();
    }

    [Fact]
    public void An_array_of_before_can_be_returned_and_is_forgotten()
    {
        var first = LargeArrays<Item>.Pool.Rent(1_000);
        LargeArrays.Forget();
        LargeArrays<Item>.Pool.Return(first);
        ReferenceEquals(LargeArrays<Item>.Pool.Rent(1_000), first).ShouldBeFalse();
    }
}
