using Collector.Worker.Http.Api;

namespace Collector.Worker.Tests.Http;

/// <summary>Answers that are made once, one at a time, for a bounded number.</summary>
public sealed class ApiPagesTests
{
    [Fact]
    public async Task What_there_is_waits_for_nobody_and_what_is_waited_for_is_bounded()
    {
        using var pages = new ApiPages(static () => 1);
        (await Get("a"))!.Body.ShouldBe([7]);
        using var started = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var slow = Task.Run(() => Get("slow", () =>
        {
            started.Set();
            go.Wait();
            return [8];
        }));
        started.Wait(TimeSpan.FromMinutes(1)).ShouldBeTrue();
        var others = Enumerable.Range(0, 15).Select(i => Get($"{i}")).ToArray();
        (await Get("a"))!.Body.ShouldBe([7]);
        (await Get("one more")).ShouldBeNull();
        // How many wait for the same does not matter.
        var same = Get("0");
        go.Set();
        (await slow)!.Body.ShouldBe([8]);
        foreach (var other in others)
            (await other)!.Body.ShouldBe([7]);
        (await same)!.Body.ShouldBe([7]);
        (await Get("one more"))!.Body.ShouldBe([7]);

        Task<ApiPage?> Get(string key, Func<byte[]?>? make = null) => pages.GetAsync(
            key, make ?? (static () => [7]), packed: false, TimeSpan.MaxValue, CancellationToken.None);
    }

    [Fact]
    public async Task It_is_made_again_when_it_is_old_or_another_collection_is_there()
    {
        var round = 1L;
        using var pages = new ApiPages(() => round);
        (await GetAsync(TimeSpan.MaxValue)).Round.ShouldBe(1);
        await GetAsync(TimeSpan.MaxValue);
        pages.Made.ShouldBe(1);
        await GetAsync(TimeSpan.Zero);
        pages.Made.ShouldBe(2);
        round = 2;
        (await GetAsync(TimeSpan.MaxValue)).Round.ShouldBe(2);
        pages.Made.ShouldBe(3);

        async Task<ApiPage> GetAsync(TimeSpan fresh) => (await pages.GetAsync(
            "a", static () => [7], packed: true, fresh, CancellationToken.None))!;
    }
}
