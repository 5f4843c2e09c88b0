using Collector.Worker.Memory;
using Collector.Worker.Tests.Export.Prometheus;

namespace Collector.Worker.Tests.Memory;

public sealed class MemoryReturnTests
{
    private int _given;
    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);

    private MemoryReturn Return => field ??= new(() => _given++, _time);

    [Fact]
    public void The_start_gives_back_what_opening_everything_took()
    {
        Run(seconds: 600, series: 100_000);
        _given.ShouldBe(2);
    }

    [Fact]
    public void A_burst_gives_back_once_after_it_has_been_over_for_a_minute()
    {
        Run(seconds: 20, series: 600);
        Run(seconds: 20, series: 500_000);
        _given.ShouldBe(2);
        Run(seconds: 50, series: 600);
        _given.ShouldBe(2);
        Run(seconds: 600, series: 600);
        _given.ShouldBe(3);
        Run(seconds: 20, series: 500_000);
        Run(seconds: 600, series: 600);
        _given.ShouldBe(4);
    }

    [Fact]
    public void What_shrinks_in_steps_gives_back_after_each_lasting_one()
    {
        Run(seconds: 20, series: 80_000);
        foreach (var series in (long[])[40_000, 20_000, 10_000])
            Run(seconds: 120, series);
        _given.ShouldBe(5);
    }

    [Fact]
    public void What_was_let_go_is_given_back_at_once()
    {
        Run(seconds: 20, series: 600);
        Return.After(600, freed: true);
        _given.ShouldBe(3);
        Run(seconds: 600, series: 600);
        _given.ShouldBe(3);
    }

    [Theory]
    // Pods that restart are back before the minute is over.
    [InlineData(100_000, 20_000, 40)]
    // A few pods that went: nothing to speak of.
    [InlineData(100_000, 90_000, 600)]
    // A small node.
    [InlineData(4_000, 500, 600)]
    public void It_leaves_the_heap_alone_for(long before, long then, int seconds)
    {
        Run(seconds: 20, before);
        Run(seconds, then);
        Run(seconds: 600, before);
        _given.ShouldBe(2);
    }

    private void Run(int seconds, long series)
    {
        for (var end = _time.Now.AddSeconds(seconds); _time.Now < end; _time.Now += TimeSpan.FromSeconds(2))
            Return.After(series);
    }
}
