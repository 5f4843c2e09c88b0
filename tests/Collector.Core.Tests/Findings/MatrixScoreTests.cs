using Collector.FaultMatrix;

namespace Collector.Core.Tests.Findings;

/// <summary>What bench/matrix counts.</summary>
public sealed class MatrixScoreTests
{
    [Fact]
    public void What_a_kernel_cannot_show_does_not_count_and_what_is_missed_does()
    {
        var score = Score.Of(
        [
            Of(found: 1, ms: 1000), Of(found: 2, ms: 2000), Of(found: 3, ms: 3100), Of(found: 0, ms: 0, "peer-reset"),
            Of(found: 0, ms: 0) with { IsBeyond = true },
        ]);
        (score.Caused, score.Found, score.Wrong, score.InTime).ShouldBe((4, 3, 1, 2));
        (score.Recall, score.WrongPart).ShouldBe((0.75, 0.25));
        (score.Collections, score.Milliseconds, score.Longest).ShouldBe((2, 2000, 3100));
    }

    [Fact]
    public void Two_collections_begin_with_the_one_that_shows_the_cause_or_its_count()
    {
        // Counted by the fourth, found by it, the next one, and one later.
        int[] found = [4, 5, 6];
        var score = Score.Of(found.Select(static n => Of(n, n * 1000) with { Counted = 4 }));
        (score.Found, score.InTime, score.InTimeOfCount).ShouldBe((3, 0, 2));
        // An event may tell of it before its counter moves.
        Score.IsInTimeOfCount(Of(found: 1, ms: 1000) with { Counted = 2 }).ShouldBeTrue();
        // What was never counted was not found in time of that.
        Score.IsInTimeOfCount(Of(found: 1, ms: 1000) with { Counted = 0 }).ShouldBeFalse();
    }

    [Fact]
    public void Nothing_caused_is_nothing_found() => Score.Of([]).ShouldBe(new Score(0, 0, 0, 0, 0, 0, 0, 0));

    private static Cell Of(int found, double ms, params string[] wrong) =>
        new("syn-flood", 1, [], Counted: 1, found, ms, wrong, "", IsBeyond: false);
}
